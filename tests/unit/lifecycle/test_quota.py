"""The quota counts reserved and used bytes and files."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from uploads.errors import QuotaExceeded
from uploads.lifecycle import quota
from uploads.models import StorageQuota
from uploads.states import State

pytestmark = pytest.mark.django_db


def quota_counts(owner: Any) -> tuple[int, int, int, int]:
    now = quota.usage(owner)
    return now.used_bytes, now.reserved_bytes, now.file_count, now.reserved_files


def test_reserve_counts_the_bytes_and_one_file(alice: Any) -> None:
    quota.reserve(alice, 70)
    quota.reserve(alice, 30)

    assert quota_counts(alice) == (0, 100, 0, 2)


def test_reservation_is_refused_one_byte_over_the_limit(alice: Any) -> None:
    StorageQuota.objects.create(user=alice, limit_bytes=100)
    quota.reserve(alice, 100)

    with pytest.raises(QuotaExceeded) as refusal:
        quota.reserve(alice, 1)

    assert quota_counts(alice) == (0, 100, 0, 1)
    assert "0 of your 100 bytes are free" in refusal.value.detail


def test_empty_files_are_limited_by_their_number(alice: Any) -> None:
    StorageQuota.objects.create(user=alice, max_files=2)
    quota.reserve(alice, 0)
    quota.reserve(alice, 0)

    with pytest.raises(QuotaExceeded, match="limit of 2 files"):
        quota.reserve(alice, 0)


def test_unfinished_uploads_are_limited_by_their_number(
    alice: Any, settings: Any
) -> None:
    settings.UPLOADS = {"MAX_OPEN": 2}
    quota.reserve(alice, 1)
    quota.reserve(alice, 1)

    with pytest.raises(
        QuotaExceeded, match="You have 2 unfinished uploads; the limit is 2"
    ):
        quota.reserve(alice, 1)
    quota.settle(alice, 1, before=State.INSPECTING, after=State.READY)
    quota.reserve(alice, 1)

    assert quota_counts(alice) == (1, 2, 1, 2)


def test_limit_of_unfinished_uploads_can_be_set_for_one_person(
    alice: Any, settings: Any
) -> None:
    settings.UPLOADS = {"MAX_OPEN": 1}
    StorageQuota.objects.create(user=alice, max_open=2)
    quota.reserve(alice, 1)
    quota.reserve(alice, 1)

    with pytest.raises(QuotaExceeded, match="the limit is 2"):
        quota.reserve(alice, 1)


def test_default_quota_is_the_sites_setting(alice: Any, settings: Any) -> None:
    settings.UPLOADS = {"DEFAULT_QUOTA_BYTES": 10, "DEFAULT_MAX_FILES": 5}

    with pytest.raises(QuotaExceeded):
        quota.reserve(alice, 11)
    quota.reserve(alice, 10)

    assert quota.usage(alice).limit_bytes == 10
    assert quota.usage(alice).max_files == 5


def test_limit_below_the_used_bytes_admits_no_upload_and_deletes_no_file(
    alice: Any,
) -> None:
    quota.reserve(alice, 100)
    quota.settle(alice, 100, before=State.INSPECTING, after=State.READY)
    StorageQuota.objects.filter(user=alice).update(limit_bytes=50)

    with pytest.raises(QuotaExceeded):
        quota.reserve(alice, 1)
    quota.settle(alice, 100, before=State.READY, after=State.DELETED)

    assert quota_counts(alice) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (State.PENDING, State.INSPECTING, (0, 10, 0, 1)),
        (State.PENDING, State.CANCELLED, (0, 0, 0, 0)),
        (State.PENDING, State.EXPIRED, (0, 0, 0, 0)),
        (State.PENDING, State.REJECTED, (0, 0, 0, 0)),
        (State.INSPECTING, State.READY, (10, 0, 1, 0)),
        (State.INSPECTING, State.REJECTED, (0, 0, 0, 0)),
        (State.INSPECTING, State.DELETED, (0, 0, 0, 0)),
    ],
)
def test_move_changes_the_counters_to_those_of_the_new_state(
    alice: Any, before: State, after: State, expected: tuple[int, int, int, int]
) -> None:
    quota.reserve(alice, 10)

    quota.settle(alice, 10, before=before, after=after)

    assert quota_counts(alice) == expected


def test_releasing_the_same_reserved_bytes_twice_raises(alice: Any) -> None:
    quota.reserve(alice, 10)
    quota.settle(alice, 10, before=State.PENDING, after=State.CANCELLED)

    with pytest.raises(IntegrityError), transaction.atomic():
        quota.settle(alice, 10, before=State.PENDING, after=State.CANCELLED)
