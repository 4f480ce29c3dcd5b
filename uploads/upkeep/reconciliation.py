"""Makes one row agree with the bucket, whoever asks and however often."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from uploads import lifecycle
from uploads.errors import Incomplete, InvalidState, StorageUnavailable
from uploads.models import Upload
from uploads.states import FINAL, State


def complete(
    upload: Upload, *, actor: Any = None, objects: lifecycle.Objects | None = None
) -> Upload:
    """Reconcile for who waits for the answer: what stands in the way is raised.

    Returns the upload ``ready``, ``inspecting`` or ``rejected``. Raises as
    lifecycle.complete does; an upload that lacks bytes when its time is up is
    expired, and then raises InvalidState.
    """
    try:
        return lifecycle.complete(upload, actor=actor, objects=objects)
    except Incomplete:
        if not upload.is_overdue:
            raise
        _expire(upload)
    # Expired just now, or completed by somebody else in that very moment.
    return lifecycle.complete(upload, actor=actor, objects=objects)


def reconcile(upload: Upload, *, actor: Any = None) -> State:
    """Take ``upload`` as far as the bucket's facts allow; return where it is now.

    A notification, the sweeper and an operator end here, and the browser one
    door beside, in complete. Idempotent. Raises StorageUnavailable, and then has
    changed nothing that the next call would not find.
    """
    if upload.state in FINAL:
        _purge(upload)
        return State(upload.state)
    with suppress(Incomplete):
        try:
            complete(upload, actor=actor)
        except InvalidState:
            upload.refresh_from_db()
    return State(upload.state)


def _purge(upload: Upload) -> None:
    if not lifecycle.purge(upload):
        raise StorageUnavailable("The bytes of an upload that is over are still there.")


def _expire(upload: Upload) -> None:
    try:
        lifecycle.expire(upload, reason="not completed in time")
    except InvalidState:
        # Somebody completed or cancelled it in this very moment.
        upload.refresh_from_db()
