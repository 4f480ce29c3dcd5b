"""From an object that is what was declared to a file that is safe to serve."""

from __future__ import annotations

from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from uploads.errors import InspectorUnavailable, StaleUpload, StorageUnavailable
from uploads.inspection import pipeline
from uploads.inspection.verdicts import CONTENT, Sample
from uploads.lifecycle.moving import move, purge
from uploads.lifecycle.quarantine import forget_copy, quarantine
from uploads.lifecycle.releasing import NOT_INSPECTED, overruled_cause
from uploads.models import Upload
from uploads.s3.bucket import Bucket, get_bucket
from uploads.s3.preview import PreviewedBucket
from uploads.states import State
from uploads.trail.writing import record

Objects = Bucket | PreviewedBucket

logger = structlog.get_logger("slipway.inspection")

UNINSPECTED = (
    "It could not be checked, for a fault of this site and not of the file. Upload it "
    "again; if it ends like this once more, tell those who run the site."
)


def takes_long(upload: Upload) -> bool:
    """Return whether its inspection should not keep a person waiting.

    An inspector that cannot even say so is asked again where there is time.
    """
    try:
        return pipeline.takes_long(_sample(upload, get_bucket()))
    except InspectorUnavailable:
        return False


def inspect(
    upload: Upload, actor: Any, objects: Objects, *, patient: bool = False
) -> None:
    """Take an inspecting upload to ready, or reject it, by its content.

    It stays where it is while an inspector cannot look, and then says in
    ``waiting_reason`` which and why; without ``patient``, also where a look takes
    long. Raises StorageUnavailable, StaleUpload.
    """
    # A rename before this moment counts; later ones must keep the extension.
    upload.refresh_from_db(fields=["filename"])
    sample = _sample(upload, objects)
    try:
        quick_only = not patient and pipeline.takes_long(sample)
        verdict = pipeline.inspect(
            sample, quick_only=quick_only, overruled=_overruled(upload)
        )
        if not verdict.accepted:
            _reject_to_quarantine(upload, actor, verdict.reason, cause=verdict.cause)
            return
    except InspectorUnavailable as error:
        wait(upload, error.detail)
        return
    except StorageUnavailable:
        # Nobody is at it any more: the sweeper need not wait to see that.
        inspecting = Upload.objects.filter(pk=upload.pk, state=State.INSPECTING)
        inspecting.update(checked_at=None)
        if not _is_replaced(upload):
            raise
        words = "The object was replaced or removed at the storage."
        reject(upload, actor, words, cause="replaced")
        return
    if quick_only:
        return
    move(
        upload,
        State.READY,
        actor=actor,
        detail={"reason": verdict.reason} if verdict.reason else None,
        completed_at=timezone.now(),
        detected_type=verdict.detected_type,
        waiting_reason="",
    )


def reject_uninspected(upload: Upload) -> None:
    """Refuse an upload whose inspection breaks every time, for a fault of ours.

    What nobody has looked at is never served, and what can never be looked at would
    hold its owner's space for ever. Raises InspectorUnavailable where it should be kept
    in quarantine and cannot be, StaleUpload.
    """
    _reject_to_quarantine(upload, None, UNINSPECTED, cause=NOT_INSPECTED)


def reject(
    upload: Upload, actor: Any, reason: str, *, cause: str = CONTENT, **facts: Any
) -> None:
    """Refuse an upload, in words for its owner; its bytes go.

    ``cause`` is stable: operators count and alert by it.
    """
    move(
        upload,
        State.REJECTED,
        actor=actor,
        detail={"cause": cause, "reason": reason},
        rejected_reason=reason[:255],
        rejected_cause=cause,
        waiting_reason="",
        **facts,
    )
    logger.warning(
        "upload.rejected", upload=str(upload.pk), owner=upload.owner_id, cause=cause
    )
    purge(upload)


def wait(upload: Upload, reason: str) -> None:
    """Write down, for operators, what an upload is waiting for."""
    reason = reason[:255]
    rows = Upload.objects.filter(pk=upload.pk, state=State.INSPECTING)
    with transaction.atomic():
        # One line in the trail, however often it is tried.
        if rows.filter(waiting_reason="").update(waiting_reason=reason):
            record("upload.waiting", upload=upload)
        else:
            rows.update(waiting_reason=reason)
    upload.waiting_reason = reason
    logger.warning("upload.waiting", upload=str(upload.pk), reason=reason)


def _reject_to_quarantine(
    upload: Upload, actor: Any, reason: str, *, cause: str = CONTENT
) -> None:
    # The copy comes first: one that no row knows of is found by the next look.
    key = quarantine(upload)
    try:
        reject(upload, actor, reason, cause=cause, quarantine_key=key)
    except StaleUpload:
        forget_copy(upload, key)
        raise


def _overruled(upload: Upload) -> str:
    """Return the cause of refusal that an operator has overruled, or ``""``."""
    rejected = upload.released_from
    return overruled_cause(rejected) if rejected else ""


def _sample(upload: Upload, objects: Objects) -> Sample:
    return Sample(
        filename=upload.filename,
        content_type=upload.content_type,
        byte_size=upload.byte_size,
        read=lambda start, length: objects.read_range(
            upload.key, start, length, etag=upload.etag
        ),
    )


def _is_replaced(upload: Upload) -> bool:
    """Return whether the object that was verified is there no more, for a fact."""
    facts = get_bucket().head_object(upload.key)
    return facts is None or facts.etag != upload.etag
