"""Fixtures of the fast tests: an in-memory S3, and no network but loopback."""

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
from django.db import connections

from tests.support.chance import load_profile
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
    """Fail whatever calls S3 while a transaction is open, in every test.

    It would hold locks and a connection for as long as S3 takes to answer. The
    transaction that pytest-django puts around a test does not count.
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
        for client, name in ((BaseClient, "_make_api_call"), (ObjectRequests, "send")):
            patch.setattr(client, name, outside(getattr(client, name)))
        yield


@pytest.fixture(scope="session", autouse=True)
def _boto_reads_nothing_twice() -> Iterator[None]:
    """Spare a twentieth of the time: each session looks for S3's description again."""
    with pytest.MonkeyPatch.context() as patch:
        create = cache(botocore.session.create_loader)
        patch.setattr(botocore.session, "create_loader", create)
        yield


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_left_open() -> Iterator[None]:
    """Fail the last test for files and sockets that garbage held until the end.

    Where xdist runs the tests nobody would hear of them: pytest looks after its report.
    """
    yield
    gc.collect()


def pytest_configure(config: pytest.Config) -> None:
    # What Python, Django and boto3 keep for good is large, and was searched for
    # garbage often enough to cost a twentieth of the time.
    gc.set_threshold(50_000, 20, 50)
    config.addinivalue_line("markers", "slow: left out of `make check`")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in which a test was skipped: what is not tested must be seen."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def _no_capabilities_are_remembered() -> None:
    """Keep the results of a doctor in one test out of the next test."""
    from uploads.lifecycle.capabilities import forget_capabilities

    forget_capabilities()


@pytest.fixture(scope="session")
def empty_database(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A copy of the tests' own SQLite database, migrated and empty, in a file.

    Whatever starts processes of its own copies it once more, and need not migrate.
    """
    path = tmp_path_factory.mktemp("empty") / "db.sqlite3"
    with django_db_blocker.unblock(), closing(sqlite3.connect(path)) as copy:
        connections["default"].ensure_connection()
        connections["default"].connection.backup(copy)
    return path


@pytest.fixture(scope="session")
def _moto_reads_nothing_twice() -> Iterator[None]:
    """Spare moto the import of its table of addresses in each request."""
    from moto.s3 import urls  # only here: not all tests have to do with moto
    from moto.s3.models import S3Backend

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(S3Backend, "_url_module", urls)
        yield


@pytest.fixture
def bucket(settings: Settings, _moto_reads_nothing_twice: None) -> Iterator[Bucket]:
    """The site's bucket in moto: for our own logic, not for what S3 refuses.

    It answers boto only: preparing answers for `requests` takes 10 ms a test.
    """
    if settings.S3_ENDPOINT_URL:
        settings.STORAGES = {
            **settings.STORAGES,
            "uploads": MOTO,
            "uploads_signer": MOTO,
        }
    # Not for the layers that have a real S3 server: each process would load it.
    from moto import mock_aws
    from moto.core import models

    with mock.patch.object(models, "RESPONSES_METHODS", []), mock_aws():
        moto_bucket = get_bucket()
        moto_bucket.client.create_bucket(Bucket=moto_bucket.name)
        yield moto_bucket
