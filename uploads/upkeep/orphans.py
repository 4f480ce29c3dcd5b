"""Orphans: objects without a row. They are recorded first, and deleted much later.

A row is committed before any URL for its key exists, and is never deleted. So an orphan
means that rows were lost, for example by a restore of an older database, or that the
site uses a wrong bucket. In both cases the object may be the only copy of a file. The
grace period starts when a sweep first sees the orphan.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from uploads.conf import options
from uploads.models import Orphan, Upload
from uploads.s3.bucket import ListedObject, get_bucket
from uploads.s3.keys import row_key

logger = structlog.get_logger("slipway.sweeper")


def note(entries: list[ListedObject], *, now: datetime) -> None:
    """Record orphans with the time of their first and last sighting."""
    keys = [entry.key for entry in entries]
    known = set(Orphan.objects.filter(key__in=keys).values_list("key", flat=True))
    Orphan.objects.bulk_create(
        [
            Orphan(
                key=entry.key,
                byte_size=entry.byte_size,
                modified_at=entry.modified_at,
                first_seen_at=now,
                last_seen_at=now,
            )
            for entry in entries
        ],
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=["last_seen_at"],
    )
    for key in set(keys) - known:
        logger.warning("orphan.noticed", key=key)


def outdated(entries: list[ListedObject], *, now: datetime) -> list[Orphan]:
    """Return the orphans among ``entries`` whose grace period has ended."""
    keys = [entry.key for entry in entries]
    known = Orphan.objects.filter(key__in=keys)
    return list(known.filter(first_seen_at__lt=now - _grace()))


def remove(orphan: Orphan) -> None:
    """Delete the object, unless it has a row now. Raises StorageUnavailable."""
    if not Upload.objects.filter(key=row_key(orphan.key)).exists():
        get_bucket().delete_object(orphan.key)
        logger.warning("orphan.removed", key=orphan.key, byte_size=orphan.byte_size)
    orphan.delete()


def forget_unseen(now: datetime) -> None:
    """Delete records of orphans that sweeps have not seen for longer than the grace.

    Such objects are deleted, or have a row again.
    """
    unseen_since = now - _grace() - timedelta(days=1)
    Orphan.objects.filter(last_seen_at__lt=unseen_since).delete()


def _grace() -> timedelta:
    return timedelta(seconds=options().orphan_grace_seconds)
