"""Fixtures for the fast tests: an in-memory S3, and a network of loopback only."""

from __future__ import annotations

import gc
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import botocore.session
import pytest
from botocore.client import BaseClient
from django.conf import settings as django_settings
from django.core.signals import setting_changed
from django.db import connections

from tests.support.generated_inputs import load_profile
from uploads.s3.bucket import Bucket, get_bucket
from uploads.s3.connection import storage_options
from uploads.s3.requesting import ObjectRequests

if TYPE_CHECKING:
    from pytest_django import Settings
    from pytest_django.plugin import DjangoDbBlocker

MOTO = {
    "BACKEND": "storages.backends.s3.S3Storage",
    "OPTIONS": storage_options(
        bucket="slipway",
        region="us-east-1",
        endpoint_url="",
        addressing_style="virtual",
        access_key="testing",
        secret_key="testing",
        session_token="",
    ),
}
load_profile()

_LOOPBACK = ("127.", "::1", "localhost", "/")


def _refuse_other_hosts(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else address
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if host and not str(host).startswith(_LOOPBACK):
        raise PermissionError(f"A test tried to connect to {host}.")


sys.addaudithook(_refuse_other_hosts)


@pytest.fixture(scope="session", autouse=True)
def _no_s3_inside_transactions() -> Iterator[None]:
    """Fail each test whose code calls S3 inside a database transaction.

    Such code holds locks and a connection until S3 answers. The transaction that
    pytest-django opens around each test is ignored.
    """

    def outside(call: Any) -> Any:
        def call_outside(
            client: Any, operation: str, *args: Any, **options: Any
        ) -> Any:
            for connection in connections.all(initialized_only=True):
                blocks: list[Any] = connection.atomic_blocks
                if any(not block._from_testcase for block in blocks):
                    pytest.fail(f"{operation} was called inside a transaction.")
            return call(client, operation, *args, **options)

        return call_outside

    with pytest.MonkeyPatch.context() as patch:
        for client, name in (
            (BaseClient, "_make_api_call"),
            (ObjectRequests, "send"),
            (ObjectRequests, "send_many"),
        ):
            patch.setattr(client, name, outside(getattr(client, name)))
        yield


@pytest.fixture(scope="session", autouse=True)
def _cache_botocore_loader() -> Iterator[None]:
    """Cache botocore's loader. Otherwise each session would read the files about S3."""
    with pytest.MonkeyPatch.context() as patch:
        create = cache(botocore.session.create_loader)
        patch.setattr(botocore.session, "create_loader", create)
        yield


@pytest.fixture(scope="session", autouse=True)
def _collect_garbage_at_end() -> Iterator[None]:
    """Close forgotten files and sockets, so that their warnings fail the last test.

    pytest's own check runs after the report, so a worker of xdist would not report
    them.
    """
    yield
    gc.collect()


def pytest_configure(config: pytest.Config) -> None:
    # Python, Django and boto3 keep many objects until the end. With Python's default
    # thresholds, the garbage collector took 5 % of the time.
    gc.set_threshold(50_000, 20, 50)
    config.addinivalue_line("markers", "slow: left out of `make check`")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in which a test was skipped, so that nobody overlooks it."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def _clear_capabilities() -> None:
    """Clear the capabilities of the bucket that a doctor found in an earlier test."""
    from uploads.lifecycle.capabilities import forget_capabilities

    forget_capabilities()


@pytest.fixture(scope="session")
def empty_database(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Return the path of an empty SQLite database with all migrations.

    Tests that start the site in a process copy this file, which is faster than
    migrating.
    """
    path = tmp_path_factory.mktemp("empty") / "db.sqlite3"
    with django_db_blocker.unblock(), closing(sqlite3.connect(path)) as copy:
        connections["default"].ensure_connection()
        connections["default"].connection.backup(copy)
    return path


@pytest.fixture(scope="session")
def _cache_moto_urls() -> Iterator[None]:
    """Import moto's URL table once instead of in each request."""
    from moto.s3 import urls  # Import here, because only some tests use moto.
    from moto.s3.models import S3Backend

    # moto answers only clients that were created after its import. So create new
    # storages, because existing storages keep their clients.
    setting_changed.send(
        sender=None, setting="STORAGES", value=django_settings.STORAGES, enter=True
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(S3Backend, "_url_module", urls)
        yield


@pytest.fixture
def bucket(settings: Settings, _cache_moto_urls: None) -> Iterator[Bucket]:
    """Yield the site's bucket in moto, which accepts more requests than S3 does.

    moto answers only boto3 here. To answer the library `requests` too, it would need 10
    ms more for each test.
    """
    if settings.S3_ENDPOINT_URL:
        settings.STORAGES = {
            **settings.STORAGES,
            "uploads": MOTO,
            "uploads_signer": MOTO,
        }
    # Imported here, because layers with a real S3 server do not need moto.
    from moto import mock_aws
    from moto.core import models

    with mock.patch.object(models, "RESPONSES_METHODS", []), mock_aws():
        moto_bucket = get_bucket()
        moto_bucket.client.create_bucket(Bucket=moto_bucket.name)
        yield moto_bucket
