"""The periodic pass over what nobody comes back for.

Any number may run at once. Each row is leased by one conditional UPDATE and each
page of the bucket by another, so two sweepers never do the same work at the same
time, and one that dies leaves nothing locked.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import structlog
from django import db
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from uploads import lifecycle
from uploads.access import rates
from uploads.errors import StorageError
from uploads.lifecycle import schedule
from uploads.lifecycle.reconciliation import reconcile
from uploads.models import JobReport, Upload
from uploads.s3.bucket import get_bucket
from uploads.states import State
from uploads.upkeep import bucket_sweep, figures, quota_drift, search_names

logger = structlog.get_logger("slipway.sweeper")

MENDING = timedelta(days=1)
"""An upload that cannot be settled for a fault of ours waits so long for its mending,
from its deadline on. Then its reservation ends as any other."""

FAILED_LOOKS = 30
"""So many looks in a row must have broken too, which takes about a day: see
schedule.py. A sweeper that was off for a week gives nothing up at its first look, and
a wait for an inspector begins the count anew."""


@dataclass(frozen=True)
class Limits:
    """What one pass looks at, at most; the next one goes on from there."""

    rows: int = 500  # of each kind that is due
    objects: int = 20_000
    page: int = 1000  # objects at a time; S3 gives no more
    users: int = 1000  # whose quotas are added up
    rates: int = 10_000  # of those that say nothing any more
    names: int = 1000  # that search does not know yet
    hours: int = figures.HOURS_A_PASS  # whose figures are added up


@dataclass
class Report:
    """What one pass did; in a dry run, what it would have done or looked at."""

    looked_at: int = 0
    completed: int = 0
    rejected: int = 0
    expired: int = 0
    purged: int = 0
    late_arrivals: int = 0
    probes: int = 0
    orphans: int = 0
    young_orphans: int = 0
    aborted: int = 0
    quotas_mended: int = 0
    rates_forgotten: int = 0
    given_up: int = 0
    failed: int = 0
    waiting: int = 0

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


class StorageDown(Exception):  # noqa: N818  as in errors.py
    """The bucket itself does not answer: the rest of the pass would fail too."""


def sweep(
    *, dry_run: bool = False, limits: Limits | None = None, inspections: bool = True
) -> Report:
    """Make one bounded pass over quotas, rates, bucket and rows.

    Without ``inspections``, rows in inspection are left to InspectionLanes.
    S3 that does not answer is counted in ``failed`` and left for the next pass.
    """
    limits = limits or Limits()
    report = Report()
    now = timezone.now()
    started = time.monotonic()
    # First of all: a row cannot be settled against a quota that counts too little.
    report.quotas_mended = quota_drift.mend(dry_run=dry_run, limit=limits.users)
    if not dry_run:
        report.rates_forgotten = rates.forget_rested(limit=limits.rates)
        search_names.fill(limit=limits.names)
    try:
        # Before the rows, since it finds some that are due.
        is_end = bucket_sweep.sweep_bucket(
            report,
            now=now,
            dry_run=dry_run,
            max_objects=limits.objects,
            page_size=limits.page,
        )
        # Its own reading of the clock: what the bucket's sweep took was time too.
        rows = schedule.due(timezone.now(), limit=limits.rows, inspections=inspections)
        _sweep_rows(rows, report, dry_run=dry_run)
        # After the rows: those that have just ended own no parts any more.
        if is_end:
            bucket_sweep.sweep_multipart_uploads(report, now=now, dry_run=dry_run)
    except (StorageDown, StorageError):
        report.failed += 1
    report.waiting = Upload.objects.waiting().count()
    if not dry_run:
        figures.roll_up(hours=limits.hours)
        seconds = time.monotonic() - started
        figures.remember_job(JobReport.SWEEP, report.as_dict(), seconds=seconds)
    logger.info("sweep.done", dry_run=dry_run, **report.as_dict())
    return report


def settle_row(upload: Upload, report: Report) -> None:
    """Claim a row and take it as far as the facts allow; skip one that is claimed.

    Raises StorageDown when S3 does not answer at all.
    """
    retry_at = upload.retry_at
    claimed_at = schedule.claim(upload)
    if claimed_at is None:
        return
    report.looked_at += 1
    try:
        _settle(upload, report, at=claimed_at)
    except StorageDown:
        schedule.cancel_claim(upload, retry_at=retry_at)
        raise


def _sweep_rows(rows: Iterable[Upload], report: Report, *, dry_run: bool) -> None:
    for upload in rows:
        if dry_run:
            report.looked_at += 1
        else:
            settle_row(upload, report)


def _settle(upload: Upload, report: Report, *, at: datetime) -> None:
    was = upload.state
    try:
        state = reconcile(upload, patient=True)
    except StorageError as error:
        _require_bucket()
        logger.warning("upload.unsettled", upload=str(upload.pk), error=error.detail)
    except Upload.DoesNotExist:
        return  # erased meanwhile: there is nothing left to settle
    except (db.Error, ImproperlyConfigured):
        # A deadlock, a lost connection or a setting that is wrong for all say nothing
        # of the upload, however often.
        _require_database()
        logger.exception("upload.unsettled", upload=str(upload.pk))
    except Exception as error:
        # One row that cannot be settled must not keep all others waiting.
        logger.exception("upload.unsettled", upload=str(upload.pk))
        _give_up(upload, report, error)
        report.failed += 1
        schedule.record_fault(upload)
        return
    else:
        schedule.end_claim(upload, was=was, at=at)
        _count(report, upload, was=was, state=state)
        return
    report.failed += 1
    schedule.record_failure(upload)


def _give_up(upload: Upload, report: Report, error: Exception) -> None:
    """End an upload that breaks something of ours at every look, for about a day.

    Until then one in inspection says, to operators, what it is that breaks. Its bytes
    may be whole, so S3 must at least answer: what cannot be asked is put off, whatever
    was raised.
    """
    _require_bucket()
    fault = type(error).__name__
    try:
        upload.refresh_from_db()
        lasts = upload.faults >= FAILED_LOOKS
        if upload.state == State.INSPECTING and not (lasts and _others_pass()):
            lifecycle.note_waiting(
                upload, f"The site itself failed with {fault}: see the log."
            )
            return
        if upload.state == State.INSPECTING:
            lifecycle.reject_uninspected(upload)
            report.rejected += 1
        elif lasts and _is_long_overdue(upload):
            lifecycle.expire(upload, reason=f"not settled: {fault}")
            report.expired += 1
        else:
            return
    except Upload.DoesNotExist:
        return  # erased meanwhile
    except Exception:
        logger.exception("upload.not_given_up", upload=str(upload.pk))
        return
    logger.error(
        "upload.given_up", upload=str(upload.pk), state=upload.state, error=fault
    )
    report.given_up += 1


def _others_pass() -> bool:
    """Return whether inspections work for others at the time.

    Where none does, the fault is in a release or a setting and not about one file, and
    refusing would throw away all that arrived.
    """
    lately = timezone.now() - MENDING / 2
    return Upload.objects.filter(state=State.READY, created_at__gte=lately).exists()


def _is_long_overdue(upload: Upload) -> bool:
    overdue_since = timezone.now() - MENDING
    return upload.state == State.PENDING and upload.expires_at <= overdue_since


def _count(report: Report, upload: Upload, *, was: str, state: State) -> None:
    if state != was:
        report.completed += state == State.READY
        report.rejected += state == State.REJECTED
        report.expired += state == State.EXPIRED
    report.purged += upload.purged_at is not None


def _require_database() -> None:
    """Return if the database answers, so that one row's trouble was its own."""
    Upload.objects.exists()


def _require_bucket() -> None:
    try:
        get_bucket().check()
    except StorageError as error:
        raise StorageDown from error
