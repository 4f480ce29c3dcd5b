"""Finds and corrects quotas that differ from the sum of the owner's uploads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import structlog
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from uploads.models import StorageQuota, SweepMark, Upload
from uploads.states import RESERVING, USING

CHUNK = 1000
"""Number of users whose uploads one query adds up."""

_MARK = "quotas"

logger = structlog.get_logger("slipway.quota")


@dataclass(frozen=True)
class Drift:
    """A wrong quota, with its stored counters and the sums of the owner's uploads."""

    owner_id: int
    counted: dict[str, int]
    actual: dict[str, int]


def find_drift() -> Iterator[Drift]:
    """Yield every quota that differs from the sum of the owner's uploads.

    Before this function yields a quota, it compares the quota again under a lock.
    Memory use is constant.
    """
    after = 0
    while (span := _span(after, CHUNK)) is not None:
        yield from filter(None, map(confirm, _suspects(after, span)))
        after = span


def mend(*, dry_run: bool = False, limit: int = CHUNK) -> int:
    """Set wrong quotas to the sums of the owners' uploads; return the number corrected.

    Each call checks ``limit`` users and starts after the last user of the previous
    call.
    """
    mark = SweepMark.objects.filter(name=_MARK).first()
    after = int(mark.after_key or 0) if mark else 0
    span = _span(after, limit)
    mended = 0
    for owner_id in _suspects(after, span) if span else ():
        mended += confirm(owner_id) is not None if dry_run else _mend_one(owner_id)
    if not dry_run:
        is_last = span is None or _span(span, 1) is None
        moved: dict[str, Any] = {"after_key": "" if is_last else str(span)}
        if is_last:
            moved["finished_at"] = timezone.now()
        SweepMark.objects.update_or_create(name=_MARK, defaults=moved)
    return mended


def confirm(owner_id: int) -> Drift | None:
    """Lock one quota and compare it. Return the difference, or None if there is none.

    Every move of an upload updates the owner's quota row in the same transaction. So
    while this row is locked, no move changes the sums.
    """
    with transaction.atomic():
        quota = (
            StorageQuota.objects.select_for_update().filter(pk=owner_id).first()
            or StorageQuota()
        )
        rows = list(_totals(Upload.objects.filter(owner_id=owner_id)))
    actual = _counters(rows[0]) if rows else _NOTHING
    counted = {name: getattr(quota, name) for name in _NOTHING}
    return None if counted == actual else Drift(owner_id, counted, actual)


def _mend_one(owner_id: int) -> bool:
    with transaction.atomic():
        # A row that does not exist cannot be locked, so create it first.
        StorageQuota.objects.bulk_create(
            [StorageQuota(user_id=owner_id)], ignore_conflicts=True
        )
        drift = confirm(owner_id)
        if drift is None:
            return False
        StorageQuota.objects.filter(pk=owner_id).update(**drift.actual)
    logger.warning(
        "quota.mended", owner=owner_id, counted=drift.counted, actual=drift.actual
    )
    return True


def _span(after: int, users: int) -> int | None:
    """Return the last id of the next ``users`` users, or None if there are no more."""
    ids = get_user_model().objects.filter(pk__gt=after).order_by("pk")
    found = list(ids.values_list("pk", flat=True)[:users])
    return found[-1] if found else None


def _suspects(after: int, last: int) -> list[int]:
    """Return the ids above ``after``, up to ``last``, whose quota seems to be wrong.

    This function locks no rows. So an upload that moves meanwhile can make a correct
    quota seem wrong.
    """
    rows = Upload.objects.filter(owner_id__gt=after, owner_id__lte=last)
    totals = {row["owner_id"]: _counters(row) for row in _totals(rows)}
    suspects = []
    for quota in StorageQuota.objects.filter(pk__gt=after, pk__lte=last):
        actual = totals.pop(quota.pk, _NOTHING)
        if any(getattr(quota, name) != value for name, value in actual.items()):
            suspects.append(quota.pk)
    return sorted([*suspects, *(pk for pk, sums in totals.items() if sums != _NOTHING)])


_NOTHING = {"used_bytes": 0, "reserved_bytes": 0, "file_count": 0, "reserved_files": 0}


def _totals(rows: Any) -> Any:
    using, reserving = Q(state__in=USING), Q(state__in=RESERVING)
    return (
        rows.filter(state__in=USING | RESERVING)
        .order_by()
        .values("owner_id")
        .annotate(
            used_bytes=Coalesce(Sum("byte_size", filter=using), 0),
            reserved_bytes=Coalesce(Sum("byte_size", filter=reserving), 0),
            file_count=Count("pk", filter=using),
            reserved_files=Count("pk", filter=reserving),
        )
    )


def _counters(row: dict[str, Any]) -> dict[str, int]:
    return {name: int(row[name]) for name in _NOTHING}
