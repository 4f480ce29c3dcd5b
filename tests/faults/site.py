"""The site under gunicorn, as a test starts, kills and restarts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from tests.plugins.no_secrets import watch
from tests.production import production
from uploads.dev.ports import HOST, free_ports
from uploads.dev.processes import spawn, started_at, stop

PROJECT = Path(__file__).resolve().parent.parent.parent
_READY_SECONDS = 120
_WORKERS = 2


class Site:
    """Two web processes with eight threads each, and the logs they write to ``home``."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self.home = home
        self.port = free_ports(1)[0]
        self.environment = {
            **os.environ,
            **production(),
            **environment,
            "DATA_DIR": str(home),
        }
        self._master: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.home / "site.log"

    def start(self) -> None:
        """Start gunicorn and return when it answers."""
        command = [sys.executable, "-m", "gunicorn", "config.wsgi"]
        command += ["--bind", f"{HOST}:{self.port}", "--threads", "8"]
        command += ["--workers", str(_WORKERS), "--no-control-socket"]
        command += ["--graceful-timeout", "3"]
        # A killed web process has its successor at once: nothing is read a second time.
        command += ["--preload"]
        # On a busy machine a sound web process can be silent for long.
        command += ["--timeout", str(_READY_SECONDS)]
        watch(self.log)
        self._master = spawn(command, environment=self.environment, log=self.log)
        self.wait_until_it_answers()

    def stop(self) -> None:
        """Stop gunicorn and its workers."""
        if self._master is not None:
            stop(self._master)

    def kill_workers(self) -> None:
        """Kill both web processes as the kernel would; gunicorn starts others."""
        deadline = time.monotonic() + _READY_SECONDS
        while len(pids := self._workers()) < _WORKERS:
            # The successor of one that was killed before may be on its way.
            assert time.monotonic() < deadline, "A web process is missing."
            time.sleep(0.05)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a management command on the site, in a process of its own."""
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
        """Return when a web process takes requests; raise RuntimeError if none does."""
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            try:
                url = f"http://{HOST}:{self.port}/healthz"
                urllib.request.urlopen(url, timeout=5).close()
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
