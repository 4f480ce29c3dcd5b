"""The first page of the admin. A few queries read the state of the site."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import (
    BigIntegerField,
    BooleanField,
    Count,
    ExpressionWrapper,
    F,
    Min,
    Q,
    Sum,
    Value,
    Window,
)
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from uploads.admin.charts import chart
from uploads.admin.health import health_of
from uploads.conf import options
from uploads.models import HourlyFigure, JobReport, StorageQuota, Upload
from uploads.states import RESERVING, State
from uploads.text.sizes import format_bytes

DAYS = 30
ROWS = 8
NEAR_PERCENT = 90
"""Percentage of the bytes or of the files of a quota.

The page lists a quota if at least this share is used or reserved.
"""

CAUSES = {
    "checksum_differs": "Checksum differs from the declaration",
    "checksum_missing": "Checksum missing",
    "content": "An inspector refused the content",
    "headers": "Content-Encoding is not allowed",
    "malware": "Malware",
    "not_inspected": "The site could not inspect the file",
    "not_scanned": "Too large for the virus scanner",
    "replaced": "Object was replaced",
    "size_differs": "Size differs from the declaration",
    "type_differs": "Type differs from the declaration",
    "type_not_allowed": "Type not allowed",
}
EXPIRED = "Not completed in time"


def index(request: HttpRequest) -> HttpResponse:
    """Show the state of the site above Django's list of tables."""
    return admin.site.index(request, {"cockpit": cockpit_for(request)})


def cockpit_for(request: HttpRequest) -> dict[str, Any] | None:
    """Return the data of the page.

    Return None if the account lacks the permission to view uploads or quotas.
    """
    user = request.user
    if not user.has_perms(["uploads.view_upload", "uploads.view_storagequota"]):
        return None
    jobs = {job.name: job for job in JobReport.objects.all()}
    return {
        **_days(),
        **_quotas(),
        **_unfinished(),
        "near": list(_near_their_limit()),
        "health": health_of(jobs),
        "as_of": jobs[JobReport.SWEEP].finished_at if JobReport.SWEEP in jobs else None,
        "may_examine": user.is_superuser,
    }


def _days() -> dict[str, Any]:
    """Return the charts, the sums of today, and the number of failures by cause.

    One query reads the hourly figures of the last DAYS days.
    """
    today = timezone.localdate()
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    since = timezone.now() - timedelta(days=DAYS + 1)
    uploads: Counter[date] = Counter()
    stored: Counter[date] = Counter()
    causes: Counter[str] = Counter()
    rows = HourlyFigure.objects.filter(hour__gte=since).values_list(
        "hour", "state", "cause", "uploads", "byte_size"
    )
    for hour, state, cause, count, size in rows.iterator():
        day = timezone.localtime(hour).date()
        if day < days[0]:
            continue
        if state == State.READY:
            uploads[day] += count
            stored[day] += size
        elif state == State.REJECTED:
            causes[CAUSES.get(cause, cause or "Unknown")] += count
        elif state == State.EXPIRED:
            causes[EXPIRED] += count
    return {
        "charts": [
            chart("Bytes stored a day", [(d, stored[d]) for d in days], format_bytes),
            chart("Uploads a day", [(d, uploads[d]) for d in days], "{:,}".format),
        ],
        "today": {"uploads": uploads[today], "byte_size": stored[today]},
        "failures": _shares(causes.most_common()),
        "failed": causes.total(),
        "days": DAYS,
    }


def _shares(counts: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    highest = max((count for _, count in counts), default=1)
    return [
        {"words": words, "count": count, "share": round(100 * count / highest, 1)}
        for words, count in counts
    ]


def _quotas() -> dict[str, Any]:
    """Return the quotas with the most used bytes, and the sums over all quotas.

    One query reads the quotas and the sums.
    """
    rows = list(
        StorageQuota.objects.select_related("user")
        .annotate(
            all_used=Window(Sum("used_bytes")),
            all_files=Window(Sum("file_count")),
            all_reserved=Window(Sum("reserved_bytes")),
        )
        .order_by("-used_bytes", "pk")[:ROWS]
    )
    first = rows[0] if rows else None
    return {
        "top": [row for row in rows if row.used_bytes],
        "used": first.all_used if first else 0,
        "files": first.all_files if first else 0,
        "reserved": first.all_reserved if first else 0,
    }


def _near_their_limit() -> Any:
    whole = BigIntegerField()
    near_bytes = Q(bytes_taken__gte=F("most_bytes") / 100 * NEAR_PERCENT)
    near_files = Q(files_taken__gte=F("most_files") * NEAR_PERCENT / 100)
    return (
        StorageQuota.objects.select_related("user")
        .annotate(
            bytes_taken=F("used_bytes") + F("reserved_bytes"),
            files_taken=F("file_count") + F("reserved_files"),
            most_bytes=Coalesce(
                "limit_bytes", Value(options().default_quota_bytes), output_field=whole
            ),
            most_files=Coalesce(
                "max_files", Value(options().default_max_files), output_field=whole
            ),
        )
        .annotate(is_near_files=ExpressionWrapper(near_files, BooleanField()))
        .filter(near_bytes | near_files, files_taken__gt=0)
        .order_by("-used_bytes", "pk")[:ROWS]
    )


def _unfinished() -> dict[str, Any]:
    unfinished = Upload.objects.filter(state__in=RESERVING)
    sums = unfinished.aggregate(
        count=Count("pk"),
        byte_size=Sum("byte_size", default=0),
        waiting=Count("pk", filter=Q(state=State.INSPECTING)),
        since=Min("created_at"),
    )
    oldest = unfinished.select_related("owner").order_by("created_at")[:ROWS]
    return {"unfinished": sums, "oldest": list(oldest)}
