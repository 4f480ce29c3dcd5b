"""Run the last release and this version, on one database and one bucket.

Run with `-p tests.plugins.postgres -p tests.plugins.seaweed`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.plugins.no_secrets import watch
from tests.upgrade.releases import ROOT, NoReleaseError, has_history, unpack
from uploads.dev.ports import HOST, free_ports
from uploads.dev.processes import spawn, stop

if TYPE_CHECKING:
    from tests.plugins.postgres import PostgresServer
    from uploads.dev.s3_server import S3Server


@dataclass(frozen=True)
class Version:
    """A version of the code, with the settings of a production site."""

    code: Path
    environment: Mapping[str, str]

    def manage(self, *command: str) -> str:
        """Run a management command, and return its output.

        If it fails, show the output.
        """
        result = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=self.code,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    @contextmanager
    def serve(self, log: Path) -> Iterator[str]:
        """Run the site under gunicorn until the block ends, and yield its URL."""
        watch(log)
        port = free_ports(1)[0]
        command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--threads", "4"]
        command += ["--bind", f"{HOST}:{port}", "--chdir", str(self.code)]
        command += ["--no-control-socket", "--timeout", "300"]
        process = spawn(command, environment=dict(self.environment), log=log)
        url = f"http://{HOST}:{port}"
        try:
            while not _answers(url):
                assert process.poll() is None, log.read_text()
            yield url
        finally:
            stop(process)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/healthz", timeout=10).close()
    except urllib.error.HTTPError:
        raise
    except OSError:
        return False
    return True


@pytest.fixture(scope="session")
def environment(postgres_server: PostgresServer, s3_server: S3Server) -> dict[str, str]:
    """Return the variables of both versions.

    An operator changes none during an upgrade.
    """
    name = f"upgrade_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    kept = {
        name: os.environ[name]
        for name in ("PATH", "HOME", "LANG", "TMPDIR")
        if name in os.environ
    }
    return {
        **kept,
        **s3_server.environment(),
        "DEBUG": "false",
        "SECRET_KEY": "a secret key of a test " * 3,
        "ALLOWED_HOSTS": HOST,
        "DATABASE_URL": postgres_server.url.replace("/postgres?", f"/{name}?"),
        "SECURE_SSL_REDIRECT": "false",
        "SECURE_COOKIES": "false",
        "EMAIL_URL": "console:",
        "UPLOADS_SWEEP_GRACE_SECONDS": "0",
    }


@pytest.fixture(scope="session")
def old(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Version:
    """Return the last release."""
    if not has_history():
        pytest.fail("This tree has no git history, so there is no release to compare.")
    try:
        code = unpack(tmp_path_factory.mktemp("release") / "code")
    except NoReleaseError as error:
        pytest.fail(str(error))
    return Version(code, environment)


@pytest.fixture(scope="session")
def new(environment: dict[str, str]) -> Version:
    """Return this version."""
    return Version(ROOT, environment)
