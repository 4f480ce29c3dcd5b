"""The sweeper: a periodic pass over abandoned uploads, objects and quotas.

Any number of sweepers may run concurrently. A conditional UPDATE leases each row and
each page of the bucket, so two sweepers never process the same one. The leases of a
sweeper that dies end by themselves.
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
from uploads.upkeep import bucket_sweep, figures, quota_drift, retention, search_names

logger = structlog.get_logger("slipway.sweeper")

MENDING = timedelta(days=1)
"""Time past its deadline for which an upload is kept if a bug of this site breaks its
processing. After this time the upload ends, so that its reservation ends."""

FAILED_LOOKS = 30
"""Failed checks in a row before such an upload ends. With the delays of schedule.py
they take about a day, so a sweeper that was off for a week ends no upload at once. A
wait for an inspector resets the count."""


@dataclass(frozen=True)
class Limits:
    """Maximum work of one pass. The next pass continues from there."""

    rows: int = 500  # of each kind that is due
    objects: int = 20_000
    page: int = 1000  # objects of one list request, the maximum of S3
    users: int = 1000  # whose quotas are checked
    rates: int = 10_000  # unused rate limits to delete
    names: int = 1000  # file names to add to the search
    hours: int = figures.HOURS_A_PASS  # whose figures are added up


@dataclass
class Report:
    """Counts of what one pass did, or would have done in a dry run."""

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
    warned: int = 0
    retired: int = 0

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


class StorageDown(Exception):  # noqa: N818  as in errors.py
    """The bucket does not answer, so the rest of the pass would fail too."""


def sweep(
    *, dry_run: bool = False, limits: Limits | None = None, inspections: bool = True
) -> Report:
    """Make one bounded pass over quotas, rates, bucket and rows.

    Without ``inspections``, InspectionLanes handles uploads in inspection. If S3 does
    not answer, the pass counts it in ``failed`` and ends.
    """
    limits = limits or Limits()
    report = Report()
    now = timezone.now()
    started = time.monotonic()
    # Quotas come first, because moves fail against a quota that counts too little.
    report.quotas_mended = quota_drift.mend(dry_run=dry_run, limit=limits.users)
    if not dry_run:
        report.rates_forgotten = rates.forget_rested(limit=limits.rates)
        search_names.fill(limit=limits.names)
    try:
        # The bucket comes before the rows, because it makes some rows due.
        is_end = bucket_sweep.sweep_bucket(
            report,
            now=now,
            dry_run=dry_run,
            max_objects=limits.objects,
            page_size=limits.page,
        )
        # The clock is read again, because the sweep of the bucket took time.
        rows = schedule.due(timezone.now(), limit=limits.rows, inspections=inspections)
        _sweep_rows(rows, report, dry_run=dry_run)
        # Multipart uploads come after the rows, some of which have just ended.
        if is_end:
            bucket_sweep.sweep_multipart_uploads(report, now=now, dry_run=dry_run)
    except (StorageDown, StorageError):
        report.failed += 1
    if not dry_run:
        kept = retention.apply_retention(limit=limits.rows)
        report.warned, report.retired = kept.warned, kept.deleted
    report.waiting = Upload.objects.waiting().count()
    if not dry_run:
        figures.roll_up(hours=limits.hours)
        seconds = time.monotonic() - started
        figures.remember_job(JobReport.SWEEP, report.as_dict(), seconds=seconds)
    logger.info("sweep.done", dry_run=dry_run, **report.as_dict())
    return report


def settle_row(upload: Upload, report: Report) -> None:
    """Claim a row and reconcile it; skip it if another process holds a claim.

    Raises StorageDown if S3 does not answer at all.
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
        return  # erased meanwhile
    except (db.Error, ImproperlyConfigured):
        # A deadlock, a lost connection or a wrong setting is no fault of this upload.
        _require_database()
        logger.exception("upload.unsettled", upload=str(upload.pk))
    except Exception as error:
        # One broken row must not delay the others.
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
    """End an upload if its processing has failed with a bug at every check for a day.

    Until then, an upload in inspection shows the error to operators. Nothing ends while
    S3 does not answer, because the bytes may be complete.
    """
    _require_bucket()
    fault = type(error).__name__
    try:
        upload.refresh_from_db()
        lasts = upload.faults >= FAILED_LOOKS
        if upload.state == State.INSPECTING and not (lasts and _others_pass()):
            lifecycle.note_waiting(
                upload, f"The site failed with {fault}. See the log."
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
    """Return whether inspections of other uploads succeed at present.

    If none does, a release or a setting is wrong, and not one file. Then rejecting
    uploads would delete every file that arrives.
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
    """Raise an error if the database does not answer. Then the row is not at fault."""
    Upload.objects.exists()


def _require_bucket() -> None:
    try:
        get_bucket().check()
    except StorageError as error:
        raise StorageDown from error
