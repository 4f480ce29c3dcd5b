"""Which rows the sweeper looks at, who of many sweepers does, and when again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Q
from django.utils import timezone

from uploads.conf import options
from uploads.lifecycle.claims import lease_of
from uploads.models import Upload, UploadQuerySet
from uploads.states import FINAL, State, Transport

SLOWEST_PUT = timedelta(hours=1)
"""A request that began before its URL died may go on for so long."""

INSPECTION = timedelta(seconds=30)
"""An inspection that has taken longer is one whose process died."""

FIRST = (F("retry_at").asc(nulls_first=True), F("checked_at").asc(nulls_first=True))
FIRST_DELAY = timedelta(seconds=30)
LONGEST_DELAY = timedelta(hours=1)
LONGEST_WAIT = timedelta(minutes=5)
"""An inspector that comes back finds all that waited for it within this."""


def due(now: datetime, *, limit: int, inspections: bool = True) -> Iterator[Upload]:
    """Yield rows to look at, up to ``limit`` of each kind.

    Rows that were not looked at for the longest time come first. Failed rows go
    last, so they never delay the others.
    """
    kinds = [_overdue(now), _arriving(now), _releasing(now), _unpurged(now)]
    if inspections:
        kinds.insert(3, _stuck(now))
    for rows in kinds:
        yield from rows.order_by(*FIRST)[:limit]


def next_inspection(
    now: datetime, *, not_rows: Iterable[UUID], not_owners: Iterable[int]
) -> Upload | None:
    """Return the upload whose inspection is due next, but none of these."""
    rows = _stuck(now).exclude(pk__in=not_rows).exclude(owner__in=not_owners)
    return rows.order_by(*FIRST).first()


def claim(upload: Upload) -> datetime | None:
    """Take the row for one look; return when, or None if another took or erased it.

    The claim is a lease: ``retry_at`` is when the row is due again if whoever
    holds it dies. The row is read anew.
    """
    now = timezone.now()
    unclaimed = Upload.objects.filter(
        pk=upload.pk, checked_at=upload.checked_at, retry_at=upload.retry_at
    )
    if not unclaimed.update(retry_at=now + lease_of(upload)):
        return None
    try:
        upload.refresh_from_db()
    except Upload.DoesNotExist:
        return None
    return now


def is_free(upload: Upload) -> bool:
    """Return whether nobody holds the row, and nothing it waits for is due later."""
    return upload.retry_at is None or upload.retry_at <= timezone.now()


def looked(upload: Upload, *, was: str, at: datetime) -> None:
    """End a claim by what came of it: settled for now, or waiting for an inspector."""
    if upload.state == State.INSPECTING and upload.waiting_reason:
        _try_again(upload, longest=LONGEST_WAIT, faults=0)
    else:
        seen(upload, was=was, at=at)


def seen(upload: Upload, *, was: str, at: datetime) -> None:
    """End a claim: the row was looked at, and found as it should be."""
    rows = Upload.objects.filter(pk=upload.pk)
    rows.update(retry_at=None, failed_checks=0, faults=0)
    # Where it moved on or was purged, that has said when it was looked at.
    rows.filter(state=was).exclude(state__in=FINAL).update(checked_at=at)


def unseen(upload: Upload, *, retry_at: datetime | None) -> None:
    """End a claim as if it had never been: the failure was not the row's."""
    Upload.objects.filter(pk=upload.pk).update(retry_at=retry_at)


def failed(upload: Upload) -> None:
    """End a claim whose look failed: the next pass tries again, later ones wait."""
    _try_again(upload, longest=LONGEST_DELAY)


def broke(upload: Upload) -> None:
    """End a claim whose look broke for a fault of ours: it failed, and that counts."""
    _try_again(upload, longest=LONGEST_DELAY, faults=_one_more(upload.faults))


def _try_again(upload: Upload, *, longest: timedelta, **facts: int) -> None:
    failures = _one_more(upload.failed_checks)
    Upload.objects.filter(pk=upload.pk).update(
        failed_checks=failures,
        retry_at=timezone.now() + _delay(failures, longest),
        **facts,
    )


def _one_more(count: int) -> int:
    return min(count + 1, 1000)


def _delay(failures: int, longest: timedelta) -> timedelta:
    if failures == 1:
        return timedelta()
    doublings: int = 2 ** min(failures - 2, 16)
    return min(FIRST_DELAY * doublings, longest)


def _overdue(now: datetime) -> UploadQuerySet:
    """Pending uploads whose time is up: whole by now, or to be given up."""
    return _free(Upload.objects.filter(state=State.PENDING, expires_at__lt=now), now)


def _arriving(now: datetime) -> UploadQuerySet:
    """Pending uploads whose bytes may have come since the last look.

    Bytes come only while a URL lives, so an idle upload is not asked about again.
    """
    settled = now - timedelta(seconds=options().sweep_grace_seconds)
    return _free(
        Upload.objects.filter(
            state=State.PENDING,
            expires_at__gte=now,
            created_at__lt=settled,
            urls_expire_at__isnull=False,
        ),
        now,
        Q(checked_at=None) | Q(checked_at__lt=F("urls_expire_at") + SLOWEST_PUT),
    )


def _releasing(now: datetime) -> UploadQuerySet:
    """Releases from quarantine whose process died before the copy was there."""
    settled = now - timedelta(seconds=options().sweep_grace_seconds)
    return _free(
        Upload.objects.filter(
            state=State.PENDING,
            transport=Transport.COPY,
            expires_at__gte=now,
            created_at__lt=settled,
        ),
        now,
    )


def _stuck(now: datetime) -> UploadQuerySet:
    """Uploads whose inspection was begun and not finished."""
    idle = Q(checked_at=None) | Q(checked_at__lt=now - INSPECTION)
    unclaimed = Q(claimed_until=None) | Q(claimed_until__lte=now)
    return _free(Upload.objects.filter(unclaimed, state=State.INSPECTING), now, idle)


def _unpurged(now: datetime) -> UploadQuerySet:
    """Uploads that are over: never purged yet, or purged while a URL still lived."""
    dead = Q(urls_expire_at=None) | Q(urls_expire_at__lt=now)
    return _free(
        Upload.objects.filter(state__in=FINAL, purged_at=None),
        now,
        Q(checked_at=None) | dead,
    )


def _free(
    rows: UploadQuerySet, now: datetime, wanted: Q | None = None
) -> UploadQuerySet:
    """Leave out what another sweeper holds, or what failed and has to wait."""
    return rows.filter(Q(retry_at__lte=now) | (Q(retry_at=None) & (wanted or Q())))
