"""The whole site with a proxy of ours on every line of it.

    page or client --site_proxy--> gunicorn --worker_proxy--> SeaweedFS
                   --storage_proxy--------------------------> SeaweedFS

Run with `-p tests.plugins.postgres -p tests.plugins.seaweed`. The tests themselves
talk to the database and to S3 directly. After each, the audit must find nothing.
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

from tests.faults.books import differences
from tests.faults.client import Client
from tests.faults.parts import wait_until_quiet
from tests.faults.proxy import FaultProxy
from tests.faults.site import Site
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

# Playwright keeps an event loop in this thread, which Django takes for async code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

SEED = int(os.environ.get("SEED") or 1)

PART = 5 * 1024 * 1024
"""The smallest that S3 allows: what breaks is the line, whatever travels there."""

StartSite = Callable[..., Site]
Sweep = Callable[[], Report]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: takes long; `make faults` runs it too")


@pytest.fixture(scope="session")
def django_db_setup(
    postgres_server: PostgresServer, django_db_blocker: DjangoDbBlocker
) -> None:
    """Migrate the database that the site reads in processes of its own."""
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
    """Between clients and S3."""
    proxy = FaultProxy(s3_server.port, seed=SEED).start()
    yield proxy
    proxy.stop()


@pytest.fixture(scope="session")
def worker_proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    """Between the site and S3."""
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
    """Start a site behind the proxies, with settings of its own."""
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
    """Between clients and the site."""
    proxy = FaultProxy(site.port, seed=SEED).start()
    apply(get_bucket(), origins=[proxy.url])
    yield proxy
    proxy.stop()


@pytest.fixture(scope="session")
def known() -> set[Difference]:
    """What failed tests have left: they have said so, and the next ones need not."""
    return set()


@pytest.fixture(autouse=True)
def _peace(
    site_proxy: FaultProxy,
    storage_proxy: FaultProxy,
    worker_proxy: FaultProxy,
    s3_server: S3Server,
    known: set[Difference],
    _database: None,
) -> Iterator[None]:
    """After each test everything is whole again, and the books must agree."""
    proxies = (site_proxy, storage_proxy, worker_proxy)
    for proxy in proxies:
        proxy.forget()
    yield
    for proxy in proxies:
        proxy.heal()
    for proxy in proxies:
        wait_until_quiet(proxy)
    # A lost answer can leave a twin at S3 whose id nobody knows: the sweeper's work.
    sweep()
    left = differences() - known
    known |= left
    assert left == set(), "The books do not agree."


@pytest.fixture
def sweep_as_the_site_does(
    site: Site, worker_proxy: FaultProxy, settings: Settings
) -> Sweep:
    """Sweep in this process: with the site's settings, through the worker's proxy."""

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
    """A user of this test's own: what the quota counts is this test's doing."""
    return User.objects.create_user(f"person-{uuid.uuid4().hex[:12]}", password="demo")


@pytest.fixture
def client(person: User, site_proxy: FaultProxy) -> Client:
    """A client of `person`, through the site's proxy."""
    _, token = create_token(person, name="faults")
    return Client(
        site_proxy.url, token, patience=120, timeout=120, chance=random.Random(SEED)
    )


@pytest.fixture(scope="session")
def content() -> bytes:
    """A file of two parts, the second of one KiB."""
    return random.Random(SEED).randbytes(PART + 1024)
