"""Counts the uploads that entered each state per hour, and stores reports of jobs."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Sum
from django.utils import timezone

from uploads.models import AuditEvent, HourlyFigure, JobReport, SweepMark
from uploads.states import State
from uploads.trail.writing import ENTERED

HOUR = timedelta(hours=1)
HOURS_A_PASS = 200
"""Maximum number of hours that one pass adds up. The next pass adds up the rest."""

_MARK = "figures"


def roll_up(*, now: datetime | None = None, hours: int = HOURS_A_PASS) -> int:
    """Add up the uploads of each hour since the last call; return the number of hours.

    Each call adds up the current and the previous hour again, because a transaction may
    commit an event after its hour has ended. The sums of older hours never change, even
    if their events are deleted.
    """
    current = _hour_of(now or timezone.now())
    SweepMark.objects.bulk_create([SweepMark(name=_MARK)], ignore_conflicts=True)
    mark = SweepMark.objects.get(name=_MARK)
    hour = mark.finished_at or _first_hour(current)
    done = 0
    while hour <= current and done < hours:
        if not _add_up(hour):
            hour = min(_next_hour_with_events(hour) or current, current)
            _add_up(hour)
        hour += HOUR
        done += 1
    reached = min(hour, current - HOUR)
    SweepMark.objects.filter(name=_MARK).update(finished_at=reached)
    return done


def _add_up(hour: datetime) -> int:
    """Replace the figures of one hour; return the number of its rows."""
    events = AuditEvent.objects.filter(
        at__gte=hour, at__lt=hour + HOUR, kind__in=list(ENTERED)
    ).order_by()
    sums = events.values(
        "kind", "upload__transport", "upload__rejected_cause"
    ).annotate(uploads=Count("pk"), byte_size=Sum("upload__byte_size"))
    totals: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for row in sums:
        state = ENTERED[row["kind"]]
        is_refused = state == State.REJECTED
        cause = (row["upload__rejected_cause"] or "") if is_refused else ""
        total = totals[state, row["upload__transport"] or "", cause]
        total[0] += row["uploads"]
        total[1] += row["byte_size"] or 0
    with transaction.atomic():
        HourlyFigure.objects.filter(hour=hour).delete()
        # Another sweeper may have inserted the same sums for this hour meanwhile.
        HourlyFigure.objects.bulk_create(
            [
                HourlyFigure(
                    hour=hour,
                    state=state,
                    transport=transport,
                    cause=cause,
                    uploads=uploads,
                    byte_size=byte_size,
                )
                for (state, transport, cause), (uploads, byte_size) in totals.items()
            ],
            ignore_conflicts=True,
        )
    return len(totals)


def _first_hour(current: datetime) -> datetime:
    oldest = AuditEvent.objects.order_by("at").values_list("at", flat=True).first()
    return _hour_of(oldest) if oldest else current


def _next_hour_with_events(hour: datetime) -> datetime | None:
    later = AuditEvent.objects.filter(at__gte=hour + HOUR).order_by("at")
    moment = later.values_list("at", flat=True).first()
    return _hour_of(moment) if moment else None


def _hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def remember_job(name: str, figures: dict[str, Any], *, seconds: float = 0) -> None:
    """Store the result of a job's last run for /metrics and the admin's first page."""
    JobReport.objects.update_or_create(
        name=name,
        defaults={
            "finished_at": timezone.now(),
            "seconds": seconds,
            "figures": figures,
        },
    )


NOTED_EVERY = timedelta(seconds=5)


def remember_notification(delay_seconds: float | None) -> None:
    """Store the time and delay of a notification, at most once every NOTED_EVERY."""
    now = timezone.now()
    rows = JobReport.objects.filter(name=JobReport.NOTIFICATIONS)
    if rows.filter(finished_at__gt=now - NOTED_EVERY).exists():
        return
    remember_job(JobReport.NOTIFICATIONS, {"delay_seconds": delay_seconds})
