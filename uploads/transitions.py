"""The one door through which an upload changes its state."""

from __future__ import annotations

from typing import Any

import structlog
from django.db import transaction

from uploads.errors import InvalidState, StaleUpload
from uploads.models import AuditEvent, Upload
from uploads.states import MOVES, State


def transition(
    upload: Upload,
    to: State,
    *,
    actor: Any = None,
    detail: dict[str, Any] | None = None,
    **facts: Any,
) -> None:
    """Move ``upload`` to ``to``, storing ``facts``, and record it; or raise.

    Compare-and-set instead of a row lock: of two racers exactly one matches
    the old state, and the other learns that it came second. Raises InvalidState
    for a move that states.MOVES does not know, StaleUpload for a lost race.
    """
    if to not in MOVES[State(upload.state)]:
        raise InvalidState(
            f"The upload is {upload.state} and cannot become {to.value}."
        )
    with transaction.atomic():
        unchanged = Upload.objects.filter(pk=upload.pk, state=upload.state)
        if unchanged.update(state=to, **facts) != 1:
            raise StaleUpload
        record(upload, f"upload.{to.value}", actor=actor, detail=detail)
    upload.state = to
    for name, value in facts.items():
        setattr(upload, name, value)


def record(
    upload: Upload,
    kind: str,
    *,
    actor: Any = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Write one audit line, with the request that it came from."""
    context = structlog.contextvars.get_contextvars()
    AuditEvent.objects.create(
        upload=upload,
        kind=kind,
        actor=actor,
        request_id=context.get("request_id", ""),
        address=context.get("address") or None,
        detail=detail or {},
    )
