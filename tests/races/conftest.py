"""Fixtures of the race tests: a real PostgreSQL and a real S3.

Run with `-p tests.plugins.postgres -p tests.plugins.seaweed`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from tests.races.books import assert_books_agree
from uploads.s3.bucket import Bucket


@pytest.fixture(autouse=True)
def postgres(transactional_db: None) -> None:
    """Refuse to prove anything about races on another database."""
    assert connection.vendor == "postgresql", "run with -p tests.plugins.postgres"


@pytest.fixture
def bucket(seaweed_bucket: Bucket) -> Bucket:
    """The real bucket, under a key prefix of this test's own."""
    return seaweed_bucket


@pytest.fixture
def alice(transactional_db: None) -> Any:
    return User.objects.create_user("alice")


@pytest.fixture
def agreeing(bucket: Bucket) -> Iterator[None]:
    """After the test: rows, quotas, events and bucket tell the same story."""
    yield
    assert_books_agree(bucket)
