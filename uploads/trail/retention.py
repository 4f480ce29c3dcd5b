"""Delete old audit events, and record each deletion in the trail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from uploads.models import AuditEvent
from uploads.models.event import changeable_events
from uploads.states import FINAL
from uploads.trail.writing import record

BATCH = 5_000
"""Events that one transaction deletes. A small batch holds its locks briefly."""

_PRUNABLE = Q(upload=None) | Q(
    upload__state__in=sorted(FINAL), upload__purged_at__isnull=False
)
"""Events without an upload, or of an upload that is final and purged.

The history of any other upload is kept whole.
"""


@dataclass(frozen=True)
class _EventPosition:
    at: datetime
    id: int


def prune(
    *, before: datetime, of_live_uploads: bool = False, dry_run: bool = False
) -> int:
    """Delete events older than ``before``, oldest first; return their number.

    Without ``of_live_uploads``, events of uploads that may still have an object are
    kept. Each batch adds one ``trail.pruned`` event in its own transaction, so that
    every gap is explained. With ``dry_run``, nothing is deleted.
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
        # at__gte follows from after_last. It lets the database use the index.
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
