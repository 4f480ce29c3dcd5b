"""Run the whole site with a proxy on each of its connections.

    page or client --site_proxy--> gunicorn --worker_proxy--> SeaweedFS
                   --storage_proxy--------------------------> SeaweedFS

Run with `-p tests.plugins.postgres -p tests.plugins.seaweed`. The tests themselves use
the database and S3 directly. After each test, the audit must find nothing.
"""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import override_settings

from tests.faults.client import Client
from tests.faults.parts import wait_until_idle
from tests.faults.proxy import FaultProxy
from tests.faults.site import Site
from tests.faults.state_checks import audit_findings
from uploads.access.tokens import create_token
from uploads.s3.bucket import get_bucket
from uploads.s3.bucket_config import apply
from uploads.upkeep.auditing import Difference
from uploads.upkeep.sweeper import Report, sweep

if TYPE_CHECKING:
    from pytest_django import Settings
    from pytest_django.plugin import DjangoDbBlocker

    from tests.plugins.postgres import PostgresServer
    from uploads.dev.s3_server import S3Server

# Playwright runs an event loop in this thread. Django would refuse database queries
# here, because it assumes async code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

SEED = int(os.environ.get("SEED") or 1)

PART = 5 * 1024 * 1024
"""The smallest part size of S3.

The tests break connections, so the size is irrelevant.
"""

StartSite = Callable[..., Site]
Sweep = Callable[[], Report]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: takes long; `make faults` runs it too")


@pytest.fixture(scope="session")
def django_db_setup(
    postgres_server: PostgresServer, django_db_blocker: DjangoDbBlocker
) -> None:
    """Migrate the database, which the site's processes share with the tests."""
    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0)
        connection.close()


@pytest.fixture(autouse=True)
def _database(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield
        connection.close()


@pytest.fixture(scope="session")
def storage_proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    """Yield the proxy between clients and S3."""
    proxy = FaultProxy(s3_server.port, seed=SEED).start()
    yield proxy
    proxy.stop()


@pytest.fixture(scope="session")
def worker_proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    """Yield the proxy between the site and S3."""
    proxy = FaultProxy(s3_server.port, seed=SEED).start()
    yield proxy
    proxy.stop()


@pytest.fixture(scope="session")
def start_site(
    storage_proxy: FaultProxy,
    worker_proxy: FaultProxy,
    s3_server: S3Server,
    django_db_setup: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[StartSite]:
    """Return a function that starts a site behind the proxies.

    Its arguments are additional environment variables of the site.
    """
    sites = []

    def start(**environment: str) -> Site:
        proxies = {
            **s3_server.environment(),
            "S3_ENDPOINT_URL": worker_proxy.url,
            "S3_PUBLIC_ENDPOINT_URL": storage_proxy.url,
            "UPLOADS_SWEEP_GRACE_SECONDS": "0",
            "UPLOADS_MIN_PART_BYTES": str(PART),
        }
        home = tmp_path_factory.mktemp("site")
        site = Site(home, {**proxies, **environment})
        site.start()
        sites.append(site)
        return site

    yield start
    for site in sites:
        site.stop()


@pytest.fixture(scope="session")
def site(start_site: StartSite) -> Site:
    return start_site()


@pytest.fixture(scope="session")
def site_proxy(site: Site, s3_server: S3Server) -> Iterator[FaultProxy]:
    """Yield the proxy between clients and the site."""
    proxy = FaultProxy(site.port, seed=SEED).start()
    apply(get_bucket(), origins=[proxy.url])
    yield proxy
    proxy.stop()


@pytest.fixture(scope="session")
def earlier_findings() -> set[Difference]:
    """Return the audit's findings after failed tests. Later tests ignore them."""
    return set()


@pytest.fixture(autouse=True)
def _end_faults_and_audit(
    site_proxy: FaultProxy,
    storage_proxy: FaultProxy,
    worker_proxy: FaultProxy,
    s3_server: S3Server,
    earlier_findings: set[Difference],
    _database: None,
) -> Iterator[None]:
    """After each test, end all faults, and check that the audit finds nothing."""
    proxies = (site_proxy, storage_proxy, worker_proxy)
    for proxy in proxies:
        proxy.clear_exchanges()
    yield
    for proxy in proxies:
        proxy.end_faults()
    for proxy in proxies:
        wait_until_idle(proxy)
    # After a lost answer, S3 may have a multipart upload whose id is in no row. The
    # sweeper aborts it.
    sweep()
    left = audit_findings() - earlier_findings
    earlier_findings |= left
    assert left == set(), (
        "The audit found differences between the bucket, the rows and the quotas."
    )


@pytest.fixture
def sweep_with_site_settings(
    site: Site, worker_proxy: FaultProxy, settings: Settings
) -> Sweep:
    """Return a function that sweeps with the site's settings and proxy."""

    def pass_once() -> Report:
        storages = dict(settings.STORAGES)
        storages["uploads"] = {
            **storages["uploads"],
            "OPTIONS": {
                **storages["uploads"]["OPTIONS"],
                "endpoint_url": worker_proxy.url,
            },
        }
        grace = site.environment["UPLOADS_SWEEP_GRACE_SECONDS"]
        rules = {**settings.UPLOADS, "SWEEP_GRACE_SECONDS": int(grace)}
        with override_settings(STORAGES=storages, UPLOADS=rules):
            return sweep()

    return pass_once


@pytest.fixture
def person() -> User:
    """Create a user, so that the quota counts only this test's uploads."""
    return User.objects.create_user(f"person-{uuid.uuid4().hex[:12]}", password="demo")


@pytest.fixture
def client(person: User, site_proxy: FaultProxy) -> Client:
    """Return a client of `person` that uses the site's proxy."""
    _, token = create_token(person, name="faults")
    return Client(
        site_proxy.url,
        token,
        retry_seconds=120,
        timeout=120,
        chance=random.Random(SEED),
    )


@pytest.fixture(scope="session")
def content() -> bytes:
    """Return a content of two parts. The second part has 1 KiB."""
    return random.Random(SEED).randbytes(PART + 1024)
