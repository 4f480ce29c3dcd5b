"""Starts child processes that end with their parent, and stops leftover processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_LOG_LIMIT_BYTES = 10 * 1024**2


@cache
def end_with_parent(signal_name: str = "TERM") -> tuple[str, ...]:
    """Return a prefix for a command. The command gets a signal when this process ends.

    Returns an empty prefix if the program setpriv is missing or fails. In this case,
    the child processes of a killed parent keep running, and PidRecord finds them at the
    next start.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return ()
    prefix = (setpriv, "--pdeathsig", signal_name)
    probe = subprocess.run([*prefix, "true"], capture_output=True, check=False)
    return prefix if probe.returncode == 0 else ()


def spawn(
    command: list[str],
    *,
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start ``command`` in a new session, with its output in ``log`` or on stdout.

    Ctrl-C in the terminal does not reach the command, so the caller has to stop the
    command. On Linux, the system sends SIGTERM to the command when this process ends
    for any reason.
    """
    output = log.open("ab") if log else None
    try:
        return subprocess.Popen(
            [*end_with_parent(), *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            start_new_session=True,
        )
    finally:
        if output:
            output.close()


def fresh_log(path: Path) -> Path:
    """Delete the log at ``path`` if it exceeds _LOG_LIMIT_BYTES. Return ``path``."""
    if path.exists() and path.stat().st_size > _LOG_LIMIT_BYTES:
        path.unlink()
    return path


def stop(process: subprocess.Popen[bytes], *, timeout: float = 30) -> None:
    """Stop a child with SIGTERM, and after ``timeout`` seconds with SIGKILL."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            _kill(process.pid)
    process.wait()


def started_at(pid: int) -> str | None:
    """Return the start time of process ``pid``, or None if this process does not exist.

    The system reuses pids, so only pid and start time together identify a process. The
    format of the time depends on the system.
    """
    if not Path("/proc/self/stat").exists():
        return _started_at_by_ps(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The second field is the command's name in brackets, which may contain brackets.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def _started_at_by_ps(pid: int) -> str | None:
    answer = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() or None


class PidRecord:
    """A file that records a running child process, to find it after a crash.

    The file also contains its own path. If a person copies the data folder, the path in
    the copy is wrong. ``pid`` ignores a record with a wrong path, so that the copied
    site does not stop the processes of the original site.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, pid: int) -> None:
        """Record a running process."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Replace the file atomically, so that readers never see an incomplete record.
        fresh = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        record = {"pid": pid, "started_at": started_at(pid), "path": self._own_path()}
        fresh.write_text(json.dumps(record))
        fresh.replace(self.path)

    def clear(self) -> None:
        """Delete the record."""
        self.path.unlink(missing_ok=True)

    def pid(self) -> int | None:
        """Return the recorded pid if its process is running, else None."""
        try:
            record = json.loads(self.path.read_text())
            pid, recorded_start = int(record["pid"]), record["started_at"]
            if record["path"] != self._own_path():
                return None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if recorded_start is None or started_at(pid) != recorded_start:
            return None
        return pid

    def _own_path(self) -> str:
        return str(self.path.resolve())

    def end_leftover(self, *, timeout: float = 30) -> bool:
        """Stop the recorded process if it is running; return whether it was running."""
        pid = self.pid()
        if pid is not None:
            _send_signal(pid, signal.SIGTERM)
            if not self._wait_until_ended(pid, timeout):
                _kill(pid)
                self._wait_until_ended(pid, timeout)
        self.clear()
        return pid is not None

    def _wait_until_ended(self, pid: int, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while self.pid() == pid:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True


def _kill(pid: int) -> None:
    """Kill a process. If it leads a process group, kill the whole group."""
    try:
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
            return
    except ProcessLookupError:
        return
    _send_signal(pid, signal.SIGKILL)


def _send_signal(pid: int, signum: int) -> None:
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        return
