"""Set up two people, an operator and a real S3 server for attacks on the site.

Run with `-p tests.plugins.seaweed`. Tests get presigned URLs from the API, as a browser
does, and then manipulate them. After each test, the audit of rows, quotas and bucket
must find nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Permission, User

from tests.attacks.people import Person
from uploads.models import Upload
from uploads.upkeep.auditing import audit
from uploads.upkeep.sweeper import sweep

if TYPE_CHECKING:
    from uploads.s3.bucket import Bucket


@pytest.fixture(autouse=True)
def _audit_after_test(db: None, seaweed_bucket: Bucket) -> Iterator[None]:
    """Sweep after each test that created uploads. The audit must find nothing."""
    yield
    if Upload.objects.exists():
        sweep()
        assert list(audit()) == []


@pytest.fixture
def alice(db: None) -> Person:
    return Person(User.objects.create_user("alice", password="correct horse battery"))


@pytest.fixture
def bob(db: None) -> Person:
    """Create Bob, a user who attacks the uploads of Alice."""
    return Person(User.objects.create_user("bob", password="correct horse battery"))


@pytest.fixture
def stranger() -> Person:
    """Return a client without an account."""
    return Person(None)


@pytest.fixture
def staff(db: None) -> Any:
    """Return a function that creates staff accounts with the given permissions."""

    def make(*codenames: str) -> Person:
        person = User.objects.create_user("sam", is_staff=True)
        person.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        return Person(person)

    return make
