"""Runs the demo site's servers and its sweeper until Ctrl-C.

The package honcho does not fit. It cannot wait for the S3 server before it starts the
site. If one process ends, honcho ends all processes, but this module restarts the
process. honcho also does not stop the processes of an earlier run that was killed.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from uploads.dev.demo_site import PROJECT, DemoSite, make_accounts, prepare
from uploads.dev.ports import is_free, wait_until_free
from uploads.dev.processes import PidRecord, fresh_log, spawn, stop

_POLL_SECONDS = 0.5
_READY_SECONDS = 120
_PORT_SECONDS = 30
_RESTARTS = 5
_RESTART_WINDOW_SECONDS = 60
_SWEEP_AFTER_SECONDS = 3
"""Delay before the first sweep, so that the first page of the site loads quickly."""


class SupervisorError(Exception):
    """The site cannot run. The message tells the reason and what to do."""


class Supervisor:
    """Runs the demo site in the foreground, and restarts processes that have ended."""

    def __init__(self, site: DemoSite) -> None:
        self.site = site
        self.s3_server = site.s3_server()
        self.web: subprocess.Popen[bytes] | None = None
        self.web_record = PidRecord(site.data_dir / "web.pid")
        self.sweeper: subprocess.Popen[bytes] | None = None
        self.sweeper_record = PidRecord(site.data_dir / "sweep.pid")
        self._sweep_from = 0.0
        self._stopping = threading.Event()
        self._parent = os.getppid()
        self._restarts: deque[float] = deque(maxlen=_RESTARTS)

    def run(self) -> None:
        """Serve until Ctrl-C, then stop all processes.

        Raises SupervisorError or S3ServerError if the site cannot run.
        """
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, self._ask_to_stop)
        with running_alone(self.site):
            try:
                self._start()
                while not self._stopping.wait(_POLL_SECONDS):
                    self._restart_ended_processes()
            except KeyboardInterrupt:
                pass
            finally:
                self._stop()

    def _ask_to_stop(self, signum: int, frame: FrameType | None) -> None:
        if not self._stopping.is_set():
            self._stopping.set()
            raise KeyboardInterrupt

    def _start(self) -> None:
        self.sweeper_record.end_leftover()
        if self.web_record.path.exists():
            # If the last run was killed, its web processes may use the port for some
            # seconds.
            self.web_record.end_leftover()
            wait_until_free(self.site.port, seconds=_PORT_SECONDS)
        if not is_free(self.site.port):
            raise SupervisorError(
                f"Another program uses port {self.site.port}, which the site needs. "
                "Stop that program, or choose another port: make run PORT=9000"
            )
        self.s3_server.start()
        prepare(self.site)
        make_accounts()
        self._start_web()
        self._sweep_from = time.monotonic() + _SWEEP_AFTER_SECONDS
        print(welcome(self.site), flush=True)

    def _start_web(self) -> None:
        self.web = spawn(
            self.site.web_command(), environment=self.site.web_environment()
        )
        self.web_record.write(self.web.pid)
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and self.web.poll() is None:
            if _answers(f"{self.site.url}/healthz"):
                return
            time.sleep(0.1)
        raise SupervisorError("The site did not start. Its error message is above.")

    def _start_sweeper(self) -> None:
        self.sweeper = spawn(
            self.site.sweep_command(),
            environment=self.site.environment(),
            log=fresh_log(self.site.data_dir / "sweep.log"),
        )
        self.sweeper_record.write(self.sweeper.pid)

    def _restart_ended_processes(self) -> None:
        if os.getppid() != self._parent:
            # The terminal or `make` has ended, so nobody can stop this process by
            # Ctrl-C.
            self._stopping.set()
            return
        if self.s3_server.returncode() is not None:
            self._count_restart("The S3 server")
            self.s3_server.start()
        if self.web is not None and self.web.poll() is not None:
            self._count_restart("The site")
            # The workers of a killed gunicorn may use the port for some seconds.
            wait_until_free(self.site.port, seconds=_PORT_SECONDS)
            self._start_web()
        if self.sweeper is None:
            if time.monotonic() >= self._sweep_from:
                self._start_sweeper()
        elif self.sweeper.poll() is not None:
            self._count_restart("The sweeper")
            self._start_sweeper()

    def _count_restart(self, name: str) -> None:
        """Record a restart. Raises SupervisorError after too many restarts."""
        now = time.monotonic()
        often = len(self._restarts) == _RESTARTS
        if often and now - self._restarts[0] < _RESTART_WINDOW_SECONDS:
            raise SupervisorError(
                f"{name} keeps stopping. See the logs in {self.site.data_dir}."
            )
        self._restarts.append(now)
        print(f"{name} stopped unexpectedly and is started again.", flush=True)

    def _stop(self) -> None:
        self._stopping.set()
        if self.sweeper is not None:
            stop(self.sweeper)
            self.sweeper_record.clear()
        if self.web is not None:
            stop(self.web)
            self.web_record.clear()
            # A killed worker may use the port for some seconds.
            wait_until_free(self.site.port, seconds=_PORT_SECONDS)
        self.s3_server.stop()


@contextmanager
def running_alone(site: DemoSite) -> Iterator[None]:
    """Lock the data folder for this process. The lock ends when the process ends.

    Raises SupervisorError if another process has the lock.
    """
    site.data_dir.mkdir(parents=True, exist_ok=True)
    path = _lock_path(site.data_dir)
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            other = running_site(site.data_dir)
            where = f" at {other.url}" if other else ""
            raise SupervisorError(
                f"Another site{where} already uses the data in {site.data_dir}. "
                "Stop that site, or choose another folder and other ports: "
                "make run PORT=9000 S3_PORT=9333 DATA_DIR=other"
            ) from None
        lock.truncate(0)
        lock.write(json.dumps({"port": site.port, "s3_port": site.s3_port}))
        lock.flush()
        yield


def running_site(data_dir: Path) -> DemoSite | None:
    """Return the running site that uses ``data_dir``, or None."""
    try:
        with _lock_path(data_dir).open("r+") as lock:
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return None
            ports = json.loads(lock.read())
            return DemoSite(ports["port"], ports["s3_port"], data_dir)
    except (FileNotFoundError, ValueError):
        return None


def manage(site: DemoSite, command: list[str]) -> int:
    """Run a management command on the site and return its exit status.

    If the site is not running, this function starts its S3 server for the command.
    """
    running = running_site(site.data_dir)
    if running is not None:
        return subprocess.run(
            [sys.executable, "manage.py", *command],
            env=running.operator_environment(),
            cwd=PROJECT,
            check=False,
        ).returncode
    if not (site.data_dir / "db.sqlite3").exists():
        print(
            f"{site.data_dir} has no demo site, so this command creates an empty site. "
            "To use another site, pass the same PORT, S3_PORT and DATA_DIR as to its "
            "`make run`.",
            file=sys.stderr,
        )
    with running_alone(site):
        server = site.s3_server()
        try:
            server.start()
            prepare(site)
            return _run_here(command)
        finally:
            server.stop()


def _run_here(command: list[str]) -> int:
    """Run a management command in this process. Django must be set up."""
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(["manage.py", *command])
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def welcome(site: DemoSite) -> str:
    """Return the text that the site prints after its start."""
    return f"""
  Slipway is running

    Site      {site.url}
    Log in    demo / demo
              admin / admin   {site.url}/admin/
    Storage   {site.s3_server().endpoint_url}, bucket {site.s3_server().bucket}
    Data      {site.data_dir} (delete this folder to start with an empty site)
    Stop      Ctrl-C
"""


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True  # The site runs. Its page shows the error to the developer.
    except (OSError, http.client.HTTPException):
        return False
    return True


def _lock_path(data_dir: Path) -> Path:
    return data_dir / "run.lock"
