"""Run the site under gunicorn. Tests can start, kill and restart it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.plugins.no_secrets import watch
from tests.support.production import production
from uploads.dev.ports import HOST, free_ports
from uploads.dev.processes import spawn, started_at, stop

PROJECT = Path(__file__).resolve().parent.parent.parent
_READY_SECONDS = 120


class Site:
    """Web processes with eight threads each, which write logs to ``home``.

    ``options`` are additional options for gunicorn.
    """

    def __init__(
        self,
        home: Path,
        environment: Mapping[str, str],
        *,
        workers: int = 2,
        options: Sequence[str] = (),
    ) -> None:
        self.home = home
        self.port = free_ports(1)[0]
        self.workers = workers
        self.options = options
        self.environment = {
            **os.environ,
            **production(),
            # Most of these tests run no sweeper, so inspections must end within the
            # request.
            "UPLOADS_INLINE_INSPECTION_SECONDS": "60",
            "UPLOADS_INLINE_INSPECTION_BYTES": str(128 * 1024**2),
            **environment,
            "DATA_DIR": str(home),
        }
        self._master: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def log(self) -> Path:
        return self.home / "site.log"

    def start(self) -> None:
        """Start gunicorn and return when it answers."""
        command = [sys.executable, "-m", "gunicorn", "config.wsgi"]
        command += ["--bind", f"{HOST}:{self.port}", "--threads", "8"]
        command += ["--workers", str(self.workers), "--no-control-socket"]
        command += ["--graceful-timeout", "3"]
        # The master process imports the code once. So a new web process starts quickly
        # after a kill.
        command += ["--preload"]
        # On a busy machine, a healthy web process may not report to the master for a
        # long time.
        command += ["--timeout", str(_READY_SECONDS)]
        watch(self.log)
        command += self.options
        self._master = spawn(command, environment=self.environment, log=self.log)
        self.wait_until_it_answers()

    def stop(self) -> None:
        """Stop gunicorn and its workers."""
        if self._master is not None:
            stop(self._master)

    def kill_workers(self) -> None:
        """Kill all web processes. gunicorn starts new web processes."""
        deadline = time.monotonic() + _READY_SECONDS
        while len(pids := self._workers()) < self.workers:
            # Wait until gunicorn has replaced all processes that were killed earlier.
            assert time.monotonic() < deadline, (
                "gunicorn has not started all web processes in time."
            )
            time.sleep(0.05)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a management command with the site's environment."""
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def wait_until_it_answers(self) -> None:
        """Wait until a web process accepts requests.

        Raises RuntimeError after a timeout.
        """
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{self.url}/healthz", timeout=5).close()
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError(f"The site does not answer:\n{self.log.read_text()[-4000:]}")

    def _workers(self) -> list[int]:
        if self._master is None:
            return []
        found = subprocess.run(
            ["pgrep", "-P", str(self._master.pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        pids = [int(word) for word in found.stdout.split()]
        return [pid for pid in pids if started_at(pid)]
