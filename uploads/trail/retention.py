"""Deletes old audit events, and records each deletion in the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from uploads.models import AuditEvent
from uploads.models.event import changeable_events
from uploads.states import FINAL
from uploads.trail.writing import record

BATCH = 5_000
"""Number of events that one transaction deletes. Small batches keep locks short."""

_PRUNABLE = Q(upload=None) | Q(
    upload__state__in=sorted(FINAL), upload__purged_at__isnull=False
)
"""Matches events that have no upload, or whose upload has ended and is purged.

By default, ``prune`` keeps all other events.
"""


@dataclass(frozen=True)
class _EventPosition:
    at: datetime
    id: int


def prune(
    *, before: datetime, of_live_uploads: bool = False, dry_run: bool = False
) -> int:
    """Delete events older than ``before``, oldest first. Return their number.

    If ``of_live_uploads`` is False, keeps the events of uploads that may have an
    object. The transaction that deletes a batch also writes one ``trail.pruned`` event,
    so that the trail explains each gap. With ``dry_run``, only counts the events.
    """
    old = AuditEvent.objects.filter(at__lt=before)
    if not of_live_uploads:
        old = old.filter(_PRUNABLE)
    deleted = 0
    last: _EventPosition | None = None
    while batch := _next_batch(old, last):
        last = batch[-1]
        deleted += len(batch)
        if not dry_run:
            _delete(batch, of_live_uploads=of_live_uploads)
    return deleted


def _next_batch(
    old: QuerySet[AuditEvent], last: _EventPosition | None
) -> list[_EventPosition]:
    if last is not None:
        after_last = Q(at__gt=last.at) | Q(at=last.at, id__gt=last.id)
        # ``after_last`` implies ``at__gte``. Repeat ``at__gte``, because the database
        # uses no index for a condition with OR.
        old = old.filter(after_last, at__gte=last.at)
    rows = old.order_by("at", "id").values_list("at", "id")[:BATCH]
    return [_EventPosition(at, pk) for at, pk in rows]


def _delete(batch: list[_EventPosition], *, of_live_uploads: bool) -> None:
    with changeable_events("retention") as events:
        count, _ = events.filter(pk__in=[event.id for event in batch]).delete()
        record(
            "trail.pruned",
            detail={
                "count": count,
                "from": batch[0].at.isoformat(),
                "to": batch[-1].at.isoformat(),
                "of_live_uploads": of_live_uploads,
            },
        )
