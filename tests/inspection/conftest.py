"""Run the site on a real S3 server, with a real virus scanner.

Run with `-p tests.plugins.seaweed -p tests.plugins.clamd`. After each test, the audit
of rows, quotas and bucket must find nothing.
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
def _audit_after_test(db: None, seaweed_bucket: Bucket) -> Iterator[None]:
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
    """Return the site's inspectors with the given scanner and timeout.

    ``pause_seconds`` is longer than a test, so the site asks a failed scanner only
    once.
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
    """Yield the running scanner. Restart it after a test that stopped it."""
    settings.INSPECTORS = scanned_by(
        settings.INSPECTORS, clamd_server, timeout_seconds=60
    )
    yield clamd_server
    clamd_server.resume()
    clamd_server.start()
    inspectors.cache_clear()
