"""How long the audit trail is kept: old events go, and the trail says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from uploads.models import AuditEvent
from uploads.models.event import opened_for
from uploads.states import FINAL
from uploads.trail.writing import record

BATCH = 5_000
"""Events that one transaction removes: short enough to keep nobody waiting."""

_OF_THE_PAST = Q(upload=None) | Q(
    upload__state__in=sorted(FINAL), upload__purged_at__isnull=False
)
"""Of an upload that lives, the whole history is kept as long as it does."""


@dataclass(frozen=True)
class _Mark:
    at: datetime
    id: int


def prune(
    *, before: datetime, of_live_uploads: bool = False, dry_run: bool = False
) -> int:
    """Remove events older than ``before``, oldest first; return how many.

    Those of uploads that live stay, unless ``of_live_uploads``. Each batch leaves one
    line in the trail, in the same transaction: a gap is never without its reason.
    """
    old = AuditEvent.objects.filter(at__lt=before)
    if not of_live_uploads:
        old = old.filter(_OF_THE_PAST)
    removed = 0
    mark: _Mark | None = None
    while batch := _next(old, mark):
        mark = batch[-1]
        removed += len(batch)
        if not dry_run:
            _remove(batch, of_live_uploads=of_live_uploads)
    return removed


def _next(old: QuerySet[AuditEvent], mark: _Mark | None) -> list[_Mark]:
    if mark is not None:
        behind = Q(at__gt=mark.at) | Q(at=mark.at, id__gt=mark.id)
        old = old.filter(behind, at__gte=mark.at)
    rows = old.order_by("at", "id").values_list("at", "id")[:BATCH]
    return [_Mark(at, pk) for at, pk in rows]


def _remove(batch: list[_Mark], *, of_live_uploads: bool) -> None:
    with opened_for("retention") as events:
        count, _ = events.filter(pk__in=[mark.id for mark in batch]).delete()
        record(
            "trail.pruned",
            detail={
                "count": count,
                "from": batch[0].at.isoformat(),
                "to": batch[-1].at.isoformat(),
                "of_live_uploads": of_live_uploads,
            },
        )
