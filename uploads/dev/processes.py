"""Child processes that end with their parent, and records of them in case not."""

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
def leash(signal_name: str = "TERM") -> tuple[str, ...]:
    """Return the words that, put before a command, signal it when we die.

    Empty where the system knows no such thing: then only PidRecord helps.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return ()
    words = (setpriv, "--pdeathsig", signal_name)
    probe = subprocess.run([*words, "true"], capture_output=True, check=False)
    return words if probe.returncode == 0 else ()


def spawn(
    command: list[str],
    *,
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start ``command`` in a session of its own, its output to ``log`` or to ours.

    Ctrl-C in the terminal does not reach it: whoever started it stops it. Where
    the kernel can (Linux), it is told to stop when this process dies of anything.
    """
    output = log.open("ab") if log else None
    try:
        return subprocess.Popen(
            [*leash(), *command],
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
    """Return ``path`` to write a log to; one that has grown too long begins anew."""
    if path.exists() and path.stat().st_size > _LOG_LIMIT_BYTES:
        path.unlink()
    return path


def stop(process: subprocess.Popen[bytes], *, patience: float = 30) -> None:
    """End a child: politely, and after ``patience`` seconds by force."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            _kill(process.pid)
    process.wait()


def started_at(pid: int) -> str | None:
    """Return a mark of when ``pid`` began, or None if no such process lives.

    Together with the pid it names one process for good: pids are used again.
    """
    if not Path("/proc/self/stat").exists():
        return _started_at_by_ps(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The command's name, second and in brackets, may itself contain brackets.
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
    """A file that says which process of ours runs, true even after a crash.

    It says where it lies itself: a copy of the folder of a site that runs names that
    site's processes, and they are not the copy's to end.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, pid: int) -> None:
        """Record a process that lives."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # In one step: whoever reads meanwhile finds the old record or the new one.
        fresh = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        record = {"pid": pid, "started_at": started_at(pid), "path": self._place()}
        fresh.write_text(json.dumps(record))
        fresh.replace(self.path)

    def clear(self) -> None:
        """Forget the process."""
        self.path.unlink(missing_ok=True)

    def pid(self) -> int | None:
        """Return the recorded process's pid if that very process still lives."""
        try:
            record = json.loads(self.path.read_text())
            pid, mark = int(record["pid"]), record["started_at"]
            if record["path"] != self._place():
                return None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return pid if mark is not None and started_at(pid) == mark else None

    def _place(self) -> str:
        return str(self.path.resolve())

    def end_leftover(self, *, patience: float = 30) -> bool:
        """End the recorded process if an earlier run left it; return whether so."""
        pid = self.pid()
        if pid is not None:
            _end(pid, signal.SIGTERM)
            if not self._is_gone(pid, patience):
                _kill(pid)
                self._is_gone(pid, patience)
        self.clear()
        return pid is not None

    def _is_gone(self, pid: int, patience: float) -> bool:
        deadline = time.monotonic() + patience
        while self.pid() == pid:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True


def _kill(pid: int) -> None:
    """Kill a process, and where it leads a group all that it has started."""
    try:
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
            return
    except ProcessLookupError:
        return
    _end(pid, signal.SIGKILL)


def _end(pid: int, signum: int) -> None:
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        return
