"""Inspects the content of verified objects, and moves uploads to ready or rejected."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from uploads.conf import options
from uploads.errors import (
    InspectorUnavailable,
    StaleUpload,
    StorageUnavailable,
)
from uploads.inspection import pipeline
from uploads.inspection.budget import Budget, OverBudget
from uploads.inspection.verdicts import CONTENT, Sample, Verdict
from uploads.lifecycle import reading_back
from uploads.lifecycle.claims import (
    claim_inspection,
    leave_to_background,
    release_inspection,
)
from uploads.lifecycle.judging import (
    Objects,
    find_objection,
    overruled,
    sample_of,
    told,
)
from uploads.lifecycle.moving import move, purge
from uploads.lifecycle.policy import Policy
from uploads.lifecycle.quarantine import forget_copy, quarantine
from uploads.lifecycle.reading_back import (
    BytesDiffer,
    read_back_in_background,
    read_back_inline,
)
from uploads.lifecycle.releasing import NOT_INSPECTED, TYPE_NOT_ALLOWED
from uploads.models import Upload
from uploads.s3.bucket import get_bucket
from uploads.states import State
from uploads.trail.writing import record

logger = structlog.get_logger("slipway.inspection")

INLINE_BYTES = 64 * 1024**2
BYTES_PER_READ = 2 * 1024**2
MIN_READS = 200

UNINSPECTED = (
    "This site could not check the file, because of an error of the site. Upload the "
    "file again. If this message appears again, tell the operators of the site."
)


def inline_budget() -> Budget:
    """Return the budget for all inspections inside one request."""
    limits = options()
    return Budget(
        reads=limits.inline_inspection_reads,
        byte_count=max(INLINE_BYTES, 4 * limits.inline_inspection_bytes),
        seconds=limits.inline_inspection_seconds,
        is_inline=True,
    )


def background_budget() -> Budget:
    """Return the budget of quick inspectors for one inspection in the background.

    Slow inspectors have no budget there, because they must read the whole object.
    """
    limits = options()
    return Budget(
        reads=max(MIN_READS, limits.inspection_bytes // BYTES_PER_READ),
        byte_count=limits.inspection_bytes,
        seconds=limits.inspection_seconds,
    )


def inspect(
    upload: Upload,
    actor: Any,
    objects: Objects,
    *,
    patient: bool = False,
    budget: Budget | None = None,
    held_until: datetime | None = None,
) -> None:
    """Inspect the content of an upload and move the upload to ready or rejected.

    The upload stays inspecting if another process inspects it. It also stays inspecting
    if an inspector is unavailable. In this case, ``waiting_reason`` gives the reason.

    A ``patient`` caller waits for long inspections. For any other caller, ``budget``
    limits the inspection. The default is the budget of a request. If the inspection
    exceeds ``budget``, a background process finishes it. If the caller has claimed the
    inspection, ``held_until`` is the end of this claim. Raises StorageUnavailable,
    StaleUpload.
    """
    if upload.is_inspected_later and not patient:
        upload.refresh_from_db()
        return
    until = held_until or claim_inspection(upload, patient=patient)
    if until is None:
        return
    if held_until:
        # Read the name again, because the owner may have renamed the upload just before
        # its move to inspecting. In this state, ``rename`` refuses new extensions.
        upload.refresh_from_db(fields=["filename"])
    try:
        if patient:
            _inspect_in_background(upload, actor, objects)
        else:
            _inspect_inline(upload, actor, objects, budget or inline_budget())
    except BytesDiffer:
        reject(upload, actor, reading_back.WORDS, cause=reading_back.CAUSE)
    except OverBudget:
        leave_to_background(upload)
    except StorageUnavailable:
        # Clear ``checked_at``, so that the next sweep retries the inspection.
        inspecting = Upload.objects.filter(pk=upload.pk, state=State.INSPECTING)
        inspecting.update(checked_at=None)
        if not _is_replaced(upload):
            raise
        words = "The file was replaced or removed in the storage. Upload it again."
        reject(upload, actor, words, cause="replaced")
    finally:
        release_inspection(upload, until)


def _inspect_in_background(upload: Upload, actor: Any, objects: Objects) -> None:
    """Compare the checksum, then inspect, so that inspectors read verified bytes."""
    read_back_in_background(upload, objects)
    sample = sample_of(upload, objects, background_budget())
    if (verdict := _accepted(upload, actor, sample)) is not None:
        _make_ready(upload, actor, verdict, {})


def _inspect_inline(
    upload: Upload, actor: Any, objects: Objects, budget: Budget
) -> None:
    """Inspect the object. If accepted, compare its checksum. Raises OverBudget."""
    sample = sample_of(upload, objects, budget)
    quick_only = _takes_long(sample)
    verdict = _accepted(upload, actor, sample, quick_only=quick_only)
    if verdict is None:
        return
    if quick_only:
        leave_to_background(upload)
        return
    proof = read_back_inline(upload, objects, budget)
    _make_ready(upload, actor, verdict, proof)


def _takes_long(sample: Sample) -> bool:
    """Return whether a slow inspector has to read a large object.

    Returns False if an inspector is unavailable. ``_accepted`` then handles the error.
    """
    try:
        return pipeline.takes_long(sample)
    except InspectorUnavailable:
        return False


def _accepted(
    upload: Upload, actor: Any, sample: Sample, *, quick_only: bool = False
) -> Verdict | None:
    """Return the verdict if all inspectors accept the file.

    If an inspector refuses the file, reject the upload and return None. If an inspector
    is unavailable, record the reason for the wait and return None. Raises OverBudget.
    """
    try:
        verdict = pipeline.inspect(
            sample, quick_only=quick_only, overruled=overruled(upload)
        )
        if not verdict.accepted:
            _reject_to_quarantine(upload, actor, verdict.reason, cause=verdict.cause)
            return None
        objection = find_objection(upload, sample)
        if objection:
            _reject_to_quarantine(upload, actor, objection, cause=TYPE_NOT_ALLOWED)
            return None
    except InspectorUnavailable as error:
        note_waiting(upload, error.detail)
        return None
    return verdict


def _make_ready(
    upload: Upload, actor: Any, verdict: Verdict, proof: dict[str, Any]
) -> None:
    move(
        upload,
        State.READY,
        actor=actor,
        detail=told(verdict) | proof,
        **{**facts_when_ready(verdict, timezone.now()), **proof},
    )


def facts_when_ready(verdict: Verdict, now: datetime) -> dict[str, Any]:
    """Return the row's fields for an accepted file."""
    return {
        "completed_at": now,
        "detected_type": verdict.detected_type,
        "note": verdict.note[:255],
        "waiting_reason": "",
        "claimed_until": None,
    }


def verdict_in_advance(
    upload: Upload, sample: Sample, policy: Policy
) -> Verdict | None:
    """Return the verdict if all inspectors accept the object now, else None.

    If the result is None, the caller skips the upload. A later call of ``complete``
    then calls ``inspect``. The inspectors read the object's first bytes from memory.
    """
    try:
        if pipeline.takes_long(sample):
            return None
        verdict = pipeline.inspect(sample)
        if find_objection(upload, sample, policy):
            return None
    except (InspectorUnavailable, StorageUnavailable, OverBudget):
        return None
    return verdict if verdict.accepted else None


def reject_uninspected(upload: Upload) -> None:
    """Reject an upload whose inspection fails every time because of a bug of this site.

    Without the rejection, the upload would stay inspecting and use quota for ever.
    Raises InspectorUnavailable if the copy to quarantine fails, and StaleUpload.
    """
    _reject_to_quarantine(upload, None, UNINSPECTED, cause=NOT_INSPECTED)


def reject(
    upload: Upload, actor: Any, reason: str, *, cause: str = CONTENT, **facts: Any
) -> None:
    """Reject an upload and delete its bytes; ``reason`` is a message for the owner.

    ``cause`` is a stable code for metrics and alerts.
    """
    move(
        upload,
        State.REJECTED,
        actor=actor,
        detail={"cause": cause, "reason": reason},
        rejected_reason=reason[:255],
        rejected_cause=cause,
        waiting_reason="",
        claimed_until=None,
        **facts,
    )
    logger.warning(
        "upload.rejected", upload=str(upload.pk), owner=upload.owner_id, cause=cause
    )
    purge(upload)


def note_waiting(upload: Upload, reason: str) -> None:
    """Record in the row, for operators, why an inspection has to wait."""
    reason = reason[:255]
    rows = Upload.objects.filter(pk=upload.pk, state=State.INSPECTING)
    with transaction.atomic():
        # Only the first attempt that has to wait writes an audit event.
        if rows.filter(waiting_reason="").update(waiting_reason=reason):
            record("upload.waiting", upload=upload)
        else:
            rows.update(waiting_reason=reason)
    upload.waiting_reason = reason
    logger.warning("upload.waiting", upload=str(upload.pk), reason=reason)


def _reject_to_quarantine(
    upload: Upload, actor: Any, reason: str, *, cause: str = CONTENT
) -> None:
    # Copy before the move, so that after a crash the next call finds the copy.
    key = quarantine(upload)
    try:
        reject(upload, actor, reason, cause=cause, quarantine_key=key)
    except StaleUpload:
        forget_copy(upload, key)
        raise


def _is_replaced(upload: Upload) -> bool:
    """Return whether the verified object was replaced or removed."""
    facts = get_bucket().head_object(upload.key)
    return facts is None or facts.etag != upload.etag
