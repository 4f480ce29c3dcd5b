"""Quota: what is promised, used and given back adds up."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from uploads.errors import QuotaExceeded
from uploads.lifecycle import quota
from uploads.models import StorageQuota
from uploads.states import State

pytestmark = pytest.mark.django_db


def held(owner: Any) -> tuple[int, int, int, int]:
    now = quota.usage(owner)
    return now.used_bytes, now.reserved_bytes, now.file_count, now.reserved_files


def test_reserving_promises_bytes_and_one_file(alice: Any) -> None:
    quota.reserve(alice, 70)
    quota.reserve(alice, 30)

    assert held(alice) == (0, 100, 0, 2)


def test_the_last_byte_fits_and_the_next_does_not(alice: Any) -> None:
    StorageQuota.objects.create(user=alice, limit_bytes=100)
    quota.reserve(alice, 100)

    with pytest.raises(QuotaExceeded) as refusal:
        quota.reserve(alice, 1)

    assert held(alice) == (0, 100, 0, 1)
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

    assert held(alice) == (1, 2, 1, 2)


def test_one_person_may_have_more_unfinished_than_the_others(
    alice: Any, settings: Any
) -> None:
    settings.UPLOADS = {"MAX_OPEN": 1}
    StorageQuota.objects.create(user=alice, max_open=2)
    quota.reserve(alice, 1)
    quota.reserve(alice, 1)

    with pytest.raises(QuotaExceeded, match="the limit is 2"):
        quota.reserve(alice, 1)


def test_the_default_is_the_sites(alice: Any, settings: Any) -> None:
    settings.UPLOADS = {"DEFAULT_QUOTA_BYTES": 10, "DEFAULT_MAX_FILES": 5}

    with pytest.raises(QuotaExceeded):
        quota.reserve(alice, 11)
    quota.reserve(alice, 10)

    assert quota.usage(alice).limit_bytes == 10
    assert quota.usage(alice).max_files == 5


def test_a_limit_lowered_below_the_use_admits_nothing_and_loses_nothing(
    alice: Any,
) -> None:
    quota.reserve(alice, 100)
    quota.settle(alice, 100, before=State.INSPECTING, after=State.READY)
    StorageQuota.objects.filter(user=alice).update(limit_bytes=50)

    with pytest.raises(QuotaExceeded):
        quota.reserve(alice, 1)
    quota.settle(alice, 100, before=State.READY, after=State.DELETED)

    assert held(alice) == (0, 0, 0, 0)


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
def test_a_move_shifts_the_bytes_to_where_the_new_state_counts_them(
    alice: Any, before: State, after: State, expected: tuple[int, int, int, int]
) -> None:
    quota.reserve(alice, 10)

    quota.settle(alice, 10, before=before, after=after)

    assert held(alice) == expected


def test_giving_back_twice_fails_loudly(alice: Any) -> None:
    quota.reserve(alice, 10)
    quota.settle(alice, 10, before=State.PENDING, after=State.CANCELLED)

    with pytest.raises(IntegrityError), transaction.atomic():
        quota.settle(alice, 10, before=State.PENDING, after=State.CANCELLED)
