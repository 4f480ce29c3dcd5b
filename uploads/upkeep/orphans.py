"""Objects that no upload owns: noticed first, removed only much later.

A row is committed before any URL for its key exists, and is never deleted. So an
object without a row means that rows were lost, as after a restore of an older
database, or that the site looks at a bucket that is not its own. Either way it may
be all that is left of a file: the grace counts from when it was first noticed.
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
    """Remember objects without a row: since when, and that they are still there."""
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
    """Return those of ``entries`` that have been known for longer than the grace."""
    keys = [entry.key for entry in entries]
    known = Orphan.objects.filter(key__in=keys)
    return list(known.filter(first_seen_at__lt=now - _grace()))


def remove(orphan: Orphan) -> None:
    """Delete the object, unless it has a row by now. Raises StorageUnavailable."""
    if not Upload.objects.filter(key=row_key(orphan.key)).exists():
        get_bucket().delete_object(orphan.key)
        logger.warning("orphan.removed", key=orphan.key, byte_size=orphan.byte_size)
    orphan.delete()


def forget_unseen(now: datetime) -> None:
    """Forget what was not seen for so long that it is gone, or has its row again."""
    unseen_since = now - _grace() - timedelta(days=1)
    Orphan.objects.filter(last_seen_at__lt=unseen_since).delete()


def _grace() -> timedelta:
    return timedelta(seconds=options().orphan_grace_seconds)
