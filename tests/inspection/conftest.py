"""The whole site on a real S3 server, with a real virus scanner.

Run with `-p tests.plugins.seaweed -p tests.plugins.clamd`. After each test the books
must agree: rows, quotas and bucket.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User

from tests.attacks.people import Person
from tests.plugins.clamd import ClamdServer
from uploads.inspection.pipeline import inspectors
from uploads.models import Upload
from uploads.upkeep.auditing import audit
from uploads.upkeep.sweeper import sweep

if TYPE_CHECKING:
    from uploads.s3.bucket import Bucket


@pytest.fixture(autouse=True)
def _books(db: None, seaweed_bucket: Bucket) -> Iterator[None]:
    yield
    if Upload.objects.exists():
        sweep()
        assert list(audit()) == []


@pytest.fixture
def alice(db: None) -> Person:
    return Person(User.objects.create_user("alice", password="correct horse battery"))


def scanned_by(
    inspectors: list[dict[str, Any]], server: ClamdServer, *, timeout_seconds: float
) -> list[dict[str, Any]]:
    """Return the site's own inspectors, with other options for the scanner.

    After a scanner that did not answer, it is left alone for longer than a test takes.
    """
    *others, scanner = inspectors
    options = {
        "url": server.url,
        "timeout_seconds": timeout_seconds,
        "pause_seconds": 600,
    }
    return [*others, {**scanner, "OPTIONS": options}]


@pytest.fixture
def clamd(clamd_server: ClamdServer, settings: Any) -> Iterator[ClamdServer]:
    """The scanner, running at the end of the test whatever it did to it."""
    settings.INSPECTORS = scanned_by(
        settings.INSPECTORS, clamd_server, timeout_seconds=60
    )
    yield clamd_server
    clamd_server.thaw()
    clamd_server.start()
    inspectors.cache_clear()
