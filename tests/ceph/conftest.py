"""Run the site on Ceph. After each test, rows, quotas and bucket must agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User

from tests.attacks.people import Person
from uploads.upkeep.auditing import audit
from uploads.upkeep.sweeper import sweep

if TYPE_CHECKING:
    from uploads.s3.bucket import Bucket


@pytest.fixture(autouse=True)
def _audit_after_test(db: None, ceph_bucket: Bucket) -> Iterator[None]:
    yield
    sweep()
    assert list(audit()) == []


@pytest.fixture
def alice(db: None) -> Person:
    return Person(User.objects.create_user("alice", password="correct horse battery"))
