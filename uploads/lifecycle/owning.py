"""Cancels, deletes and renames uploads for their owners."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import transaction

from uploads.conf import options
from uploads.errors import InvalidRequest, InvalidState, StaleUpload
from uploads.inspection import pipeline
from uploads.inspection.archives import is_judged_alike
from uploads.inspection.budget import Budget, OverBudget
from uploads.inspection.disguises import find_disguise
from uploads.inspection.extensions import endings_of
from uploads.lifecycle.judging import find_objection, overruled, sample_of
from uploads.lifecycle.moving import move, purge
from uploads.models import Upload
from uploads.s3.bucket import get_bucket
from uploads.states import FINAL, State
from uploads.trail.writing import record

TOO_LARGE = (
    "The site must check this file again under the new name, but the file is too large "
    "for a check during a rename. Download the file, give it the new name, then upload "
    "the file again."
)


def remove(upload: Upload, *, actor: Any = None) -> None:
    """Cancel a pending upload or delete a stored file. The row stays as a tombstone.

    Idempotent. The state changes even if the storage does not answer. In this case the
    sweeper deletes the bytes later.
    """
    owner = upload.owner_id
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
            _require_owner(upload, owner)
    purge(upload)


def _require_owner(upload: Upload, owner: int) -> None:
    """Raise InvalidState if a hand-over has given the upload to another account."""
    if upload.owner_id != owner:
        raise InvalidState("The file has a new owner.")


def rename(upload: Upload, filename: str, *, actor: Any = None) -> None:
    """Change the name of an upload; its key in the bucket stays the same.

    ``filename`` must be a result of ``clean_filename``. Raises InvalidState if the
    upload has ended, or if the extension would change while the file is being
    inspected. Raises InvalidRequest if the site would refuse a file with the new name.
    Raises InspectorUnavailable or StorageUnavailable if the object cannot be inspected.
    """
    owner = upload.owner_id
    for _ in State:
        try:
            _rename(upload, filename, actor)
            return
        except StaleUpload:
            # Another process has changed the row after the check, so check again.
            upload.refresh_from_db()
            _require_owner(upload, owner)


def _rename(upload: Upload, filename: str, actor: Any) -> None:
    was = upload.filename
    if was == filename and not upload.is_final:
        return
    _require_fitting(upload, filename)
    with transaction.atomic():
        unmoved = Upload.objects.filter(
            pk=upload.pk, state=upload.state, owner=upload.owner_id
        )
        if upload.is_final:
            raise InvalidState(f"The upload is {upload.state} and cannot be renamed.")
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
    """Raise InvalidRequest if the inspection would refuse the new extension.

    Raises InvalidState while the file is being inspected.
    """
    if endings_of(filename) == endings_of(upload.filename) or upload.is_final:
        return
    if upload.state == State.INSPECTING:
        raise InvalidState(
            "The file is being checked. Change its extension after the check."
        )
    if upload.state == State.READY:
        reason = _find_objection_to_name(upload, filename)
    else:
        reason = find_disguise(filename, declared=upload.content_type, head=b"")
    if reason:
        raise InvalidRequest(reason, fields={"filename": [reason]})


def _find_objection_to_name(upload: Upload, filename: str) -> str:
    """Return the reason why a stored object may not get the new name, or ``""``.

    Inspects the object as if it had been uploaded under the new name, with the budget
    of a request. Raises InspectorUnavailable, StorageUnavailable.
    """
    limits = options()
    budget = Budget(
        reads=limits.inline_inspection_reads,
        byte_count=4 * limits.inline_inspection_bytes,
        seconds=limits.inline_inspection_seconds,
        is_inline=True,
    )
    stored = sample_of(upload, get_bucket(), budget)
    sample = replace(stored, filename=filename)
    try:
        verdict = pipeline.inspect(sample, quick_only=True, overruled=overruled(upload))
    except OverBudget:
        # The object is too large for an inspection inside a request. The verdict of its
        # first inspection stays valid if the inspector for archives treats both names
        # in the same way.
        if not is_judged_alike(stored, sample):
            return TOO_LARGE
        reason = find_disguise(filename, declared=upload.content_type, head=sample.head)
        return reason or find_objection(upload, sample)
    return find_objection(upload, sample) if verdict.accepted else verdict.reason
