"""The sweeper regularly checks unfinished uploads, the bucket and the quotas.

Any number of sweepers may run concurrently. Before a sweeper processes a row or a page
of objects, it claims the row or the page by a conditional UPDATE. So two sweepers never
process the same row or page. The claim of a row expires if the sweeper dies.
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
"""A bug of this site may make every check of an upload fail.

A pending upload with this problem expires this long after its deadline, so that its
quota is released.
"""

FAILED_LOOKS = 30
"""An upload ends only if this number of checks in a row fails because of a bug.

With the delays in schedule.py, these checks take about a day. So a sweeper that has not
run for a week does not end an upload after its first failure. A wait for an inspector
resets the number.
"""


@dataclass(frozen=True)
class Limits:
    """Maximum work of one pass. The next pass does the rest."""

    rows: int = 500  # due rows of each kind
    objects: int = 20_000
    page: int = 1000  # objects in one answer of S3 to a list request; S3 sends no more
    users: int = 1000  # users whose quotas are checked
    rates: int = 10_000  # unused rate limits to delete
    names: int = 1000  # file names to add to the search
    hours: int = figures.HOURS_A_PASS  # hours whose figures are added up


@dataclass
class Report:
    """The counts of one pass. In a dry run, they count the planned work."""

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
    """Run one pass over quotas, rates, bucket and rows, up to ``limits``.

    If ``inspections`` is False, the pass skips uploads in inspection, because
    InspectionLanes handles them. If S3 does not answer, the pass adds 1 to ``failed``
    and skips the remaining rows and objects.
    """
    limits = limits or Limits()
    report = Report()
    now = timezone.now()
    started = time.monotonic()
    # Correct the quotas first. A move fails if the owner's quota counts too few bytes.
    report.quotas_mended = quota_drift.mend(dry_run=dry_run, limit=limits.users)
    if not dry_run:
        report.rates_forgotten = rates.forget_rested(limit=limits.rates)
        search_names.fill(limit=limits.names)
    try:
        # Sweep the bucket first, because the bucket sweep makes some rows due.
        is_end = bucket_sweep.sweep_bucket(
            report,
            now=now,
            dry_run=dry_run,
            max_objects=limits.objects,
            page_size=limits.page,
        )
        # Read the clock again, because the sweep of the bucket may take minutes.
        rows = schedule.due(timezone.now(), limit=limits.rows, inspections=inspections)
        _sweep_rows(rows, report, dry_run=dry_run)
        # Sweep multipart uploads after the rows. If a failed abort has left a multipart
        # upload of a row that has just ended, this sweep aborts it.
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
    """Claim a row and reconcile it. Skip the row if another process has claimed it.

    Raises StorageDown if S3 does not answer.
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
        return  # the row was erased meanwhile
    except (db.Error, ImproperlyConfigured):
        # A deadlock, a lost connection or a wrong setting is the cause, not the upload.
        _require_database()
        logger.exception("upload.unsettled", upload=str(upload.pk))
    except Exception as error:
        # A bug of this site has raised the error. Continue with the next row.
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
    """End an upload if every check has failed because of a bug for about a day.

    Before this time, an upload in inspection gets the error as ``waiting_reason`` for
    operators. Raises StorageDown if S3 does not answer, because the outage may be the
    cause of the failure.
    """
    _require_bucket()
    fault = type(error).__name__
    try:
        upload.refresh_from_db()
        lasts = upload.faults >= FAILED_LOOKS
        if upload.state == State.INSPECTING and not (lasts and _others_pass()):
            lifecycle.note_waiting(
                upload,
                f"The check of this file failed with the error {fault}. See the log "
                "of the site.",
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
        return  # the row was erased meanwhile
    except Exception:
        logger.exception("upload.not_given_up", upload=str(upload.pk))
        return
    logger.error(
        "upload.given_up", upload=str(upload.pk), state=upload.state, error=fault
    )
    report.given_up += 1


def _others_pass() -> bool:
    """Return whether an upload of the last 12 hours has passed its inspection.

    If no upload passes, the cause is the version or the settings of the site, and not
    the files. In this case the sweeper must not reject uploads, because it would delete
    every new file.
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
    """Raise a database error if the database does not answer, to end the pass."""
    Upload.objects.exists()


def _require_bucket() -> None:
    try:
        get_bucket().check()
    except StorageError as error:
        raise StorageDown from error
