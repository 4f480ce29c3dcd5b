"""Reads the figures of the whole site for /metrics from the database.

The queries are few and fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, Min, Sum
from django.utils import timezone

from uploads.metrics.site import UP, Figure
from uploads.models import (
    HourlyFigure,
    JobReport,
    Orphan,
    ParkedNotification,
    StorageQuota,
    Upload,
)
from uploads.states import RESERVING, State
from uploads.upkeep.auditing import NO_ROW

NAME = "slipway_site_{}".format


def site_figures() -> Iterator[Figure]:
    """Yield all figures of the site. Raises database errors."""
    now = timezone.now()
    yield from _sums()
    yield from _quotas()
    yield from _unfinished(now)
    yield Figure(NAME("parked_notifications"), ParkedNotification.objects.count())
    yield Figure(NAME("orphans"), Orphan.objects.count())
    yield from _jobs(now)
    yield Figure(UP, 1)


def _sums() -> Iterator[Figure]:
    rows = HourlyFigure.objects.order_by().values("state", "transport", "cause")
    sums = rows.annotate(uploads=Sum("uploads"), size=Sum("byte_size"))
    size_of: dict[tuple[str, str], int] = {}
    for row in sums:
        labels = row["state"], row["transport"], row["cause"]
        yield Figure(NAME("upload_moves"), row["uploads"], labels)
        size_of[labels[:2]] = size_of.get(labels[:2], 0) + row["size"]
    for place, size in size_of.items():
        yield Figure(NAME("upload_bytes"), size, place)


def _quotas() -> Iterator[Figure]:
    sums = StorageQuota.objects.aggregate(
        files=Sum("file_count", default=0),
        used_bytes=Sum("used_bytes", default=0),
        reserved_bytes=Sum("reserved_bytes", default=0),
    )
    for name, value in sums.items():
        yield Figure(NAME(name), value)


def _unfinished(now: datetime) -> Iterator[Figure]:
    found = {
        row["state"]: row
        for row in Upload.objects.filter(state__in=RESERVING)
        .order_by()
        .values("state")
        .annotate(uploads=Count("pk"), size=Sum("byte_size"), since=Min("created_at"))
    }
    for state in sorted(RESERVING):
        row = found.get(state.value)
        labels = (state.value,)
        yield Figure(NAME("unfinished_uploads"), row["uploads"] if row else 0, labels)
        yield Figure(NAME("unfinished_bytes"), row["size"] if row else 0, labels)
        age = (now - row["since"]).total_seconds() if row else 0
        yield Figure(NAME("oldest_unfinished_seconds"), age, labels)
    overdue = Upload.objects.filter(state=State.PENDING, expires_at__lt=now)
    yield Figure(NAME("overdue_uploads"), overdue.count())


def _jobs(now: datetime) -> Iterator[Figure]:
    for job in JobReport.objects.all():
        age = (now - job.finished_at).total_seconds()
        if job.name == JobReport.NOTIFICATIONS:
            yield Figure(NAME("notification_age_seconds"), age)
            delay = job.figures.get("delay_seconds")
            if delay is not None:
                yield Figure(NAME("notification_delay_seconds"), delay)
            continue
        yield Figure(NAME("job_age_seconds"), age, (job.name,))
        yield Figure(NAME("job_seconds"), job.seconds, (job.name,))
        if job.name == JobReport.SWEEP:
            for result, count in job.figures.items():
                yield Figure(NAME("sweep_rows"), count, (result,))
        elif job.name == JobReport.AUDIT:
            kinds = job.figures["kinds"]
            yield Figure(NAME("audit_differences"), job.figures["differences"])
            yield Figure(NAME("audit_orphans"), kinds.get(NO_ROW, 0))
        elif job.name == JobReport.DOCTOR:
            for status, count in job.figures.items():
                if status != "run_by":
                    yield Figure(NAME("doctor_findings"), count, (status,))
