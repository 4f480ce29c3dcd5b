"""Gives inspectors access to an upload's object, and applies the owner's policy."""

from __future__ import annotations

from uploads.errors import ContentTypeNotAllowed
from uploads.inspection.budget import Budget
from uploads.inspection.detection import is_detector_missing
from uploads.inspection.disguises import describe_difference
from uploads.inspection.verdicts import Sample, Verdict
from uploads.lifecycle.policy import Policy, policy_for
from uploads.lifecycle.releasing import TYPE_NOT_ALLOWED, overruled_cause
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.s3.prefetch import PrefetchedBucket

Objects = Bucket | PrefetchedBucket


def find_objection(upload: Upload, sample: Sample, policy: Policy | None = None) -> str:
    """Return the reason why the owner's policy forbids this content, or ``""``.

    If ``policy`` is None, this function reads the owner's policy from the database.
    """
    if not sample.byte_size or overruled(upload) == TYPE_NOT_ALLOWED:
        return ""
    policy = policy or policy_for(upload.owner)
    if not policy.restricts_types:
        return ""
    try:
        policy.check_content(
            sample.filename,
            sample.content_type,
            # Without libmagic no type can be detected (None), so the declared type and
            # the name decide.
            sample.precise_type or (None if is_detector_missing() else ""),
        )
    except ContentTypeNotAllowed as error:
        return error.detail
    return ""


def told(verdict: Verdict) -> dict[str, str]:
    """Return the verdict's facts for the audit trail."""
    facts = {
        "detected_type": verdict.detected_type,
        "reason": verdict.reason,
        "note": verdict.note,
    }
    return {name: value for name, value in facts.items() if value}


def note_on(upload: Upload) -> str:
    """Return the note about a stored file for its owner, or ``""``."""
    if not upload.detected_type and not upload.note:
        return ""
    notes = (describe_difference(upload.filename, upload.detected_type), upload.note)
    return " ".join(filter(None, notes))


def overruled(upload: Upload) -> str:
    """Return the cause of refusal that an operator has overruled, or ``""``."""
    rejected = upload.released_from if upload.released_from_id else None
    return overruled_cause(rejected) if rejected else ""


def sample_of(
    upload: Upload, objects: Objects, budget: Budget, *, etag: str = ""
) -> Sample:
    """Return a Sample, through which inspectors read the object of an upload.

    Reads fail if the object's ETag is not ``etag``. The default is the row's ETag.
    """
    etag = etag or upload.etag

    def read(start: int, length: int) -> bytes:
        key = upload.key
        if isinstance(objects, PrefetchedBucket):
            seen = objects.prefetched_range(key, start, length, etag=etag)
            if seen is not None:
                return seen
        budget.spend(length)
        return objects.read_range(key, start, length, etag=etag)

    return Sample(
        filename=upload.filename,
        content_type=upload.content_type,
        byte_size=upload.byte_size,
        read=read,
        budget=budget,
    )
