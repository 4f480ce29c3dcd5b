"""Fixtures for the fuzz tests: one database and one S3 in memory for the whole run.

Hypothesis calls a test many times. Later calls use the state that earlier calls left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client, override_settings
from moto import mock_aws

from tests.conftest import MOTO
from tests.races.files import checksum, declare
from uploads import lifecycle
from uploads.access.tokens import create_token
from uploads.models import Upload
from uploads.s3.bucket import Bucket, get_bucket
from uploads.states import Transport

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker

NewUpload = Callable[[int], Upload]


@pytest.fixture(scope="session", autouse=True)
def _database(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    # A request over WSGI would close the database connection of the test at its end.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="session", autouse=True)
def bucket(_cache_moto_urls: None) -> Iterator[Bucket]:
    """Yield the site's bucket in moto, because these tests fuzz the API and not S3."""
    identities = {"uploads": MOTO, "uploads_signer": MOTO}
    with (
        mock_aws(),
        override_settings(STORAGES={**settings.STORAGES, **identities}),
    ):
        found = get_bucket()
        found.client.create_bucket(Bucket=found.name)
        yield found


@pytest.fixture(scope="session")
def fuzzer(_database: None) -> User:
    return User.objects.create_user("fuzzer")


@pytest.fixture(scope="session")
def authorization(fuzzer: User) -> str:
    """Return the Authorization header with the fuzzer's token."""
    _, secret = create_token(fuzzer, name="fuzz")
    return f"Bearer {secret}"


@pytest.fixture(scope="session")
def session(fuzzer: User) -> Iterator[str]:
    """Yield the cookie of a session in which the fuzzer is logged in.

    Check at the end that the session still exists.
    """
    browser = Client()
    browser.force_login(fuzzer)
    yield browser.cookies[settings.SESSION_COOKIE_NAME].value
    # If a request had ended the session, all later requests would have been tested
    # without a login.
    assert browser.get("/api/v1/me").status_code == 200


@pytest.fixture(scope="session")
def new_upload(fuzzer: User, bucket: Bucket) -> NewUpload:
    """Create an upload of the fuzzer. ``number`` selects one of four states."""

    def make(number: int) -> Upload:
        transport = Transport.MULTIPART if number % 4 == 0 else Transport.PUT
        upload = lifecycle.start(
            owner=fuzzer, declaration=declare(b"hello", transport=transport)
        )
        if number % 4 >= 2:
            bucket.client.put_object(
                Bucket=bucket.name,
                Key=upload.key,
                Body=b"hello",
                ContentType=upload.content_type,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=checksum(b"hello"),
            )
        if number % 4 == 3:
            lifecycle.advance(upload)
        return upload

    return make
