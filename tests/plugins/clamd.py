"""Start a real clamd for a test run: `pytest -p tests.plugins.clamd`.

This clamd has only the EICAR signature, so it downloads nothing. It listens on a Unix
socket and on a loopback port. Each process that runs tests has its own clamd.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.plugins.homes import new_home, remove_leftovers
from tests.plugins.workers import runs_tests_itself
from uploads.dev.ports import HOST, free_ports
from uploads.dev.processes import PidRecord, spawn, stop
from uploads.inspection.clamd import Clamd, ClamdError

_PREFIX = "slipway-clamd-"
_READY_SECONDS = 120

# The signature is split in two, so that virus scanners do not report this file.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!$H+H*"
SIGNATURE = "Local.Eicar-Test"

CONFIGURATION = """\
DatabaseDirectory {home}/signatures
LocalSocket {home}/clamd.sock
TCPSocket {port}
TCPAddr {host}
LogFile {home}/clamd.log
TemporaryDirectory {home}
Foreground yes
StreamMaxLength 2000M
MaxScanSize 2000M
MaxFileSize 2000M
AlertExceedsMax {alerts}
ReadTimeout 30
"""


class ClamdServer:
    """A clamd in a temporary directory. Tests may kill, suspend and restart it."""

    def __init__(self, home: Path, *, alerts: bool = True) -> None:
        self.home = home
        self.port = free_ports(1)[0]
        self.process: subprocess.Popen[bytes] | None = None
        self.record = PidRecord(home / "clamd.pid")
        (home / "signatures").mkdir()
        pattern = f"{SIGNATURE}:0:*:{EICAR.hex()}\n"
        (home / "signatures" / "local.ndb").write_text(pattern)
        (home / "clamd.conf").write_text(
            CONFIGURATION.format(
                home=home,
                host=HOST,
                port=self.port,
                alerts="yes" if alerts else "no",
            )
        )

    @property
    def url(self) -> str:
        return f"unix://{self.home}/clamd.sock"

    @property
    def tcp_url(self) -> str:
        return f"tcp://{HOST}:{self.port}"

    def start(self) -> None:
        """Start clamd if it is not running, and return when it answers."""
        if self.process is not None:
            return
        command = [_program(), "-c", str(self.home / "clamd.conf")]
        self.process = spawn(command, log=self.home / "output.log")
        self.record.write(self.process.pid)
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                Clamd(self.url, timeout=5).ping()
                Clamd(self.tcp_url, timeout=5).ping()
            except ClamdError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError((self.home / "output.log").read_text())

    def kill(self) -> None:
        """Kill clamd."""
        self._signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait(30)
            self.process = None

    def suspend(self) -> None:
        """Suspend clamd. It still accepts connections, but does not answer."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume a suspended clamd."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """Stop clamd and delete its files."""
        if self.process is not None:
            self.resume()
            stop(self.process)
        shutil.rmtree(self.home, ignore_errors=True)

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)


_SERVER = pytest.StashKey[ClamdServer]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config,
) -> Generator[None, None, None]:
    if runs_tests_itself(early_config):
        remove_leftovers(_PREFIX, server="clamd.pid")
        server = early_config.stash[_SERVER] = ClamdServer(new_home(_PREFIX))
        server.start()
        os.environ["CLAMD_URL"] = server.url
    return (yield)


def pytest_unconfigure(config: pytest.Config) -> None:
    if _SERVER in config.stash:
        config.stash[_SERVER].close()


@pytest.fixture(scope="session")
def clamd_server(pytestconfig: pytest.Config) -> ClamdServer:
    """Return the server. Tests may kill and suspend it."""
    return pytestconfig.stash[_SERVER]


def _program() -> str:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    found = os.environ.get("CLAMD") or shutil.which("clamd", path=path)
    if found is None:
        raise RuntimeError("clamd is missing. Run scripts/clamd.sh to install it.")
    return found
