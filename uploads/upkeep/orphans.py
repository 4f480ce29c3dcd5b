"""Records orphans (objects without a row), and deletes them after a grace period.

The site commits a row before it signs a URL for its key, and keeps the row until the
object is deleted. So an orphan means that the database has lost rows, or that the site
uses a wrong bucket. Rows are lost, for example, if operators restore an older backup.
So an orphan may be the only copy of a file. The grace period starts when a sweep first
sees the orphan.
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
    """Record when a sweep has first and last seen each orphan."""
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
    """Delete the object if it has no row now, and delete the record of the orphan.

    Raises StorageUnavailable.
    """
    if not Upload.objects.filter(key=row_key(orphan.key)).exists():
        get_bucket().delete_object(orphan.key)
        logger.warning("orphan.removed", key=orphan.key, byte_size=orphan.byte_size)
    orphan.delete()


def forget_unseen(now: datetime) -> None:
    """Delete the records of orphans that no sweep has seen for a long time.

    This time is the grace period plus one day. The object of such a record was deleted,
    or has a row again.
    """
    unseen_since = now - _grace() - timedelta(days=1)
    Orphan.objects.filter(last_seen_at__lt=unseen_since).delete()


def _grace() -> timedelta:
    return timedelta(seconds=options().orphan_grace_seconds)
