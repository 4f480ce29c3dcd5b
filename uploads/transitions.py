"""The one door through which an upload changes its state."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q

from uploads.errors import InvalidState, StaleUpload
from uploads.models import Upload
from uploads.states import MOVES, State
from uploads.trail import record


def transition(
    upload: Upload,
    to: State,
    *,
    actor: Any = None,
    detail: dict[str, Any] | None = None,
    only: Q | None = None,
    **facts: Any,
) -> None:
    """Move ``upload`` to ``to``, storing ``facts``, and record it; or raise.

    Compare-and-set instead of a row lock: of two racers exactly one matches
    the old state, and the other learns that it came second. Raises InvalidState
    for a move that states.MOVES does not know, StaleUpload for a lost race; a row
    that is not what ``only`` asks has been changed by another racer too.
    """
    if to not in MOVES[State(upload.state)]:
        raise InvalidState(
            f"The upload is {upload.state} and cannot become {to.value}."
        )
    with transaction.atomic():
        unchanged = Upload.objects.filter(only or Q(), pk=upload.pk, state=upload.state)
        if unchanged.update(state=to, **facts) != 1:
            raise StaleUpload
        record(f"upload.{to.value}", upload=upload, actor=actor, detail=detail)
    upload.state = to
    for name, value in facts.items():
        setattr(upload, name, value)
