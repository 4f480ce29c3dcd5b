"""What owners do with their uploads: give them up, and give them other names."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from uploads.errors import InvalidRequest, InvalidState, StaleUpload
from uploads.inspection.extensions import extension_of, find_contradiction
from uploads.lifecycle.moving import move, purge
from uploads.models import Upload
from uploads.states import FINAL, State
from uploads.trail.writing import record


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

    ``filename`` must be clean already. Raises InvalidState for one that is over,
    or whose content is being compared with the extension that it has; and
    InvalidRequest where the new extension contradicts the content.
    """
    for _ in State:
        try:
            _rename(upload, filename, actor)
            return
        except StaleUpload:  # what the name was judged by is no more: judge again
            upload.refresh_from_db()


def _rename(upload: Upload, filename: str, actor: Any) -> None:
    was = upload.filename
    if was == filename and not upload.is_final:
        return
    _require_fitting(upload, filename)
    with transaction.atomic():
        unmoved = Upload.objects.filter(pk=upload.pk, state=upload.state)
        if upload.is_final:
            raise InvalidState("The upload is over and cannot be renamed.")
        if not unmoved.update(filename=filename):
            raise StaleUpload
        record(
            "upload.renamed",
            upload=upload,
            actor=actor,
            detail={"from": was, "to": filename},
        )
    upload.filename = filename


def _require_fitting(upload: Upload, filename: str) -> None:
    """Refuse a new extension by the rule that an upload is inspected by."""
    if extension_of(filename) == extension_of(upload.filename):
        return
    if upload.state == State.INSPECTING:
        raise InvalidState(
            "The file is being checked: until then it keeps its extension."
        )
    reason = find_contradiction(
        filename, declared=upload.content_type, detected=upload.detected_type
    )
    if reason:
        raise InvalidRequest(reason, fields={"filename": [reason]})
