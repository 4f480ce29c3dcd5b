"""What owners do with their uploads: give them up, and give them other names."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from uploads.errors import InvalidState, StaleUpload
from uploads.lifecycle.moving import move, purge
from uploads.models import Upload
from uploads.states import FINAL, State
from uploads.trail import record


def remove(upload: Upload, *, actor: Any = None) -> None:
    """Cancel what is pending, delete what is stored; the bytes go, the row stays.

    Repeating it changes nothing. Storage that does not answer is no reason to
    keep a file its owner gave up: the purge is repeated by the sweeper.
    """
    for _ in State:
        state = State(upload.state)
        if state in FINAL - {State.REJECTED}:
            break
        to = State.CANCELLED if state == State.PENDING else State.DELETED
        try:
            move(upload, to, actor=actor)
            break
        except StaleUpload:
            upload.refresh_from_db()
    purge(upload)


def rename(upload: Upload, filename: str, *, actor: Any = None) -> None:
    """Give the upload another name for people; its key stays what it was.

    ``filename`` must be clean already. Raises InvalidState for one that is over.
    """
    was = upload.filename
    if was == filename and not upload.is_final:
        return
    with transaction.atomic():
        alive = Upload.objects.filter(pk=upload.pk).exclude(state__in=FINAL)
        if not alive.update(filename=filename):
            raise InvalidState("The upload is over and cannot be renamed.")
        record(
            "upload.renamed",
            upload=upload,
            actor=actor,
            detail={"from": was, "to": filename},
        )
    upload.filename = filename
