"""Exports events of the audit trail as flat dictionaries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Min, Q, QuerySet

from uploads.models import AuditEvent

BATCH = 2_000


def export(
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    kinds: Sequence[str] = (),
    account: Any = None,
    after: int = 0,
) -> Iterator[dict[str, Any]]:
    """Yield the matching events in ascending order of their ids.

    An event must match all given arguments. Its time is at or after ``since`` and
    before ``until``. Its kind is in ``kinds``. Its user or its actor is ``account``.
    Its id is above ``after``. This function reads events in batches, so memory use is
    constant.
    """
    wanted = _wanted(since=since, until=until, kinds=kinds, account=account)
    if since is not None:
        first = wanted.order_by().aggregate(first=Min("id"))["first"]
        after = max(after, (first or 0) - 1)
    while batch := list(_lines(wanted, after)):
        yield from batch
        after = batch[-1]["id"]


def _wanted(
    *,
    since: datetime | None,
    until: datetime | None,
    kinds: Sequence[str],
    account: Any,
) -> QuerySet[AuditEvent]:
    wanted = AuditEvent.objects.all()
    if since is not None:
        wanted = wanted.filter(at__gte=since)
    if until is not None:
        wanted = wanted.filter(at__lt=until)
    if kinds:
        wanted = wanted.filter(kind__in=kinds)
    if account is not None:
        wanted = wanted.filter(Q(user=account) | Q(actor=account))
    return wanted


def _lines(wanted: QuerySet[AuditEvent], after: int) -> Iterator[dict[str, Any]]:
    name = get_user_model().USERNAME_FIELD
    rows = wanted.filter(pk__gt=after).order_by("pk").select_related("actor", "user")
    for event in rows[:BATCH]:
        yield {
            "id": event.pk,
            "at": event.at.isoformat(),
            "kind": event.kind,
            "actor_id": event.actor_id,
            "actor": getattr(event.actor, name, None),
            "user_id": event.user_id,
            "user": getattr(event.user, name, None),
            "upload_id": str(event.upload_id) if event.upload_id else None,
            "request_id": event.request_id or None,
            "address": event.address,
            "detail": event.detail,
        }
