"""Finds the rows that are due, leases each row to one sweeper, and delays retries."""

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
"""Assumed maximum duration of a PUT. A PUT may start just before its URL expires."""

INSPECTION = timedelta(seconds=30)
"""The sweeper repeats an unfinished inspection if its last check is older than this.

While another process has claimed the inspection, the sweeper waits.
"""

FIRST = (F("retry_at").asc(nulls_first=True), F("checked_at").asc(nulls_first=True))
FIRST_DELAY = timedelta(seconds=30)
LONGEST_DELAY = timedelta(hours=1)
LONGEST_WAIT = timedelta(minutes=5)
"""Maximum delay before the retry of an upload that waits for an inspector."""


def due(now: datetime, *, limit: int, inspections: bool = True) -> Iterator[Upload]:
    """Yield the rows that are due for a check, up to ``limit`` of each kind.

    Rows whose last check is the oldest come first. Rows whose last check failed come
    last, so they do not delay other rows.
    """
    kinds = [_overdue(now), _arriving(now), _releasing(now)]
    kinds += [_unpurged(now), _replaceable(now)]
    if inspections:
        kinds.insert(3, _stuck(now))
    for rows in kinds:
        yield from rows.order_by(*FIRST)[:limit]


def next_inspection(
    now: datetime, *, not_rows: Iterable[UUID], not_owners: Iterable[int]
) -> Upload | None:
    """Return the upload whose inspection is due next.

    Skips ``not_rows`` and the uploads of ``not_owners``.
    """
    rows = _stuck(now).exclude(pk__in=not_rows).exclude(owner__in=not_owners)
    return rows.order_by(*FIRST).first()


def claim(upload: Upload) -> datetime | None:
    """Claim the row for one check; return the time of the claim.

    Returns None if another process has claimed or erased the row. The claim is a lease
    that ends at ``retry_at``. If this process dies, the row is due again at this time.
    Refreshes ``upload`` from its row.
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
    """Return whether the row has neither a valid lease nor a retry in the future."""
    return upload.retry_at is None or upload.retry_at <= timezone.now()


def end_claim(upload: Upload, *, was: str, at: datetime) -> None:
    """End a claim after a check. Plan a retry if an inspector was unavailable."""
    if upload.state == State.INSPECTING and upload.waiting_reason:
        _try_again(upload, longest=LONGEST_WAIT, faults=0)
    else:
        _record_success(upload, was=was, at=at)


def _record_success(upload: Upload, *, was: str, at: datetime) -> None:
    rows = Upload.objects.filter(pk=upload.pk)
    rows.update(retry_at=None, failed_checks=0, faults=0)
    # Moves and purges set ``checked_at`` themselves, so skip rows that were moved or
    # purged.
    rows.filter(state=was).exclude(state__in=FINAL).update(checked_at=at)


def cancel_claim(upload: Upload, *, retry_at: datetime | None) -> None:
    """Undo a claim after a check that failed because of an outage."""
    Upload.objects.filter(pk=upload.pk).update(retry_at=retry_at)


def record_failure(upload: Upload) -> None:
    """End a claim after a failed check.

    The first retry is due at once. The delay before later retries doubles each time.
    """
    _try_again(upload, longest=LONGEST_DELAY)


def record_fault(upload: Upload) -> None:
    """End a claim after a check that failed because of a bug, and count the failure."""
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
    """Return pending uploads past their deadline.

    The sweeper completes or expires them.
    """
    return _free(Upload.objects.filter(state=State.PENDING, expires_at__lt=now), now)


def _arriving(now: datetime) -> UploadQuerySet:
    """Return pending uploads whose bytes may have arrived since the last check.

    A PUT may start just before the last URL expires, and may take SLOWEST_PUT. When
    this time has passed too, the sweeper checks the upload only once more.
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
    """Return releases from quarantine whose process died before the copy was made."""
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
    """Return uploads whose inspection has started, but not finished."""
    idle = Q(checked_at=None) | Q(checked_at__lt=now - INSPECTION)
    unclaimed = Q(claimed_until=None) | Q(claimed_until__lte=now)
    return _free(Upload.objects.filter(unclaimed, state=State.INSPECTING), now, idle)


def _unpurged(now: datetime) -> UploadQuerySet:
    """Return ended uploads that need a purge.

    Each upload needs one purge when it ends, and one after its last URL has expired.
    """
    expired = Q(urls_expire_at=None) | Q(urls_expire_at__lt=now)
    return _free(
        Upload.objects.filter(state__in=FINAL, purged_at=None),
        now,
        Q(checked_at=None) | expired,
    )


def _replaceable(now: datetime) -> UploadQuerySet:
    """Return ready uploads whose ETag the sweeper has to compare for the last time."""
    ready = Upload.objects.filter(state=State.READY, replaceable_until__lt=now)
    return _free(ready, now)


def _free(
    rows: UploadQuerySet, now: datetime, wanted: Q | None = None
) -> UploadQuerySet:
    """Exclude rows that another sweeper has leased, and rows whose retry is not due.

    A row without a lease or retry must also meet the condition ``wanted``.
    """
    return rows.filter(Q(retry_at__lte=now) | (Q(retry_at=None) & (wanted or Q())))
