"""Run the site under gunicorn with a real S3 server, for tests with a browser.

The site runs as in production: DEBUG is off, and the static files are collected and
hashed. The conftest of a layer imports these fixtures. Run its tests with
`-p tests.plugins.seaweed`.

Tests may use models without a mark, because the site uses the same database. No
fixture empties the database between tests. Each test creates its own users, who do not
see each other's uploads.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection

from tests.browser.slow_storage import SlowStorage
from tests.plugins.no_secrets import watch
from tests.support import slowness
from tests.support.production import production
from uploads.dev.ports import HOST, free_ports
from uploads.dev.processes import spawn, stop
from uploads.s3.bucket import get_bucket
from uploads.s3.bucket_config import apply

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker

    from uploads.dev.s3_server import S3Server

SMALL_PART = 6 * 1024 * 1024
_origins: list[str] = []


@dataclass(frozen=True)
class LiveSite:
    """The running site. `url` has no slash at the end."""

    url: str
    process: subprocess.Popen[bytes]
    access_log: Path
    log: Path


@pytest.fixture(scope="session")
def _database_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("site") / "db.sqlite3"


@pytest.fixture(scope="session")
def django_db_setup(_database_file: Path, django_db_blocker: DjangoDbBlocker) -> None:
    """Create the database as a file, because the site runs in another process."""
    connection.close()
    settings.DATABASES["default"]["NAME"] = str(_database_file)
    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0)


@pytest.fixture(autouse=True)
def _database(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="session")
def bucket_url(s3_server: S3Server) -> Iterator[str]:
    """Yield the URL of S3 for the site and for browsers."""
    if not slowness.SECONDS:
        yield s3_server.endpoint_url
        return
    proxy = SlowStorage(s3_server.port).start()
    yield proxy.url
    proxy.stop()


@pytest.fixture(scope="session")
def site_environment(
    s3_server: S3Server,
    bucket_url: str,
    django_db_setup: None,
    _database_file: Path,
) -> dict[str, str]:
    """Return the environment of a production site without HTTPS.

    The site has no sweeper, so each inspection must end within its request. This
    includes objects of 200 MiB, which the site reads back from S3, on a busy machine.
    """
    return {
        **os.environ,
        "UPLOADS_INLINE_INSPECTION_SECONDS": "60",
        "UPLOADS_INLINE_INSPECTION_BYTES": str(64 * 1024**2),
        **s3_server.environment(),
        "S3_ENDPOINT_URL": bucket_url,
        **production(),
        "DATABASE_URL": f"sqlite:///{_database_file}",
        "DATA_DIR": str(_database_file.parent),
    }


@contextmanager
def serve(environment: dict[str, str], home: Path) -> Iterator[LiveSite]:
    """Run the site under gunicorn until the block ends. Its logs are in ``home``.

    The CORS rules of the bucket allow the origins of this site and of earlier sites.
    """
    port = free_ports(1)[0]
    site_log, access_log = home / "site.log", home / "access.log"
    watch(site_log)
    watch(access_log)
    command = [sys.executable, "-m", "gunicorn", "config.wsgi"]
    command += ["--bind", f"{HOST}:{port}", "--threads", "8", "--no-control-socket"]
    # The keep-alive time is long. If the site closed an idle connection just when a
    # browser sends a request over it, this request would fail.
    command += ["--keep-alive", "300", "--timeout", "120"]
    command += ["--access-logfile", str(access_log)]
    process = spawn(command, environment=environment, log=site_log)
    url = f"http://{HOST}:{port}"
    try:
        _wait_until_it_answers(url, process, site_log)
        allow_origin(url)
        yield LiveSite(url, process, access_log, site_log)
    finally:
        stop(process)


def allow_origin(origin: str) -> None:
    """Allow this origin, and those of earlier calls, in the bucket's CORS rules."""
    _origins.append(origin)
    apply(get_bucket(), origins=_origins)


@pytest.fixture(scope="session")
def live_site(
    site_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveSite]:
    """Return the site, which runs under gunicorn."""
    with serve(site_environment, tmp_path_factory.mktemp("logs")) as site:
        yield site


@pytest.fixture
def person() -> User:
    """Create a user for this test, with the password `demo`."""
    return User.objects.create_user(f"person-{uuid.uuid4().hex[:12]}", password="demo")


def _wait_until_it_answers(
    url: str, process: subprocess.Popen[bytes], log: Path
) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/healthz", timeout=5).close()
        except urllib.error.HTTPError:
            break
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"The site did not start:\n{log.read_text()}")
