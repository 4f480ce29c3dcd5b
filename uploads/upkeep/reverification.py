"""Checks, for an operator, whether a stored object still matches its row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from uploads.errors import UploadError
from uploads.lifecycle import Budget
from uploads.lifecycle.checksums import declared_checksum
from uploads.lifecycle.reconciliation import complete
from uploads.lifecycle.verification import Mismatch, find_mismatch
from uploads.models import Upload
from uploads.s3.bucket import get_bucket
from uploads.states import FINAL, State
from uploads.trail.writing import record


@dataclass(frozen=True)
class Finding:
    """The result of a check. ``words`` is a message for the operator."""

    agrees: bool
    words: str


def reverify(
    upload: Upload, *, actor: Any = None, budget: Budget | None = None
) -> Finding:
    """Compare a stored object with its row, or complete an unfinished upload.

    For a stored object, the only change is an audit event with the result. This
    function returns errors of the bucket as a Finding, and does not raise them.
    """
    try:
        if upload.state in FINAL:
            words = f"The upload is {upload.state}, so it has no object to verify."
            return Finding(False, words)
        if upload.state != State.READY:
            return _take_further(upload, actor, budget)
        mismatch = _find_mismatch(upload)
    except UploadError as error:
        return Finding(False, error.detail)
    detail: dict[str, Any] = {"agrees": mismatch is None}
    if mismatch is not None:
        detail = {**detail, "cause": mismatch.cause, "reason": mismatch.words}
    record("upload.reverified", upload=upload, actor=actor, detail=detail)
    if mismatch is not None:
        return Finding(False, mismatch.words)
    return Finding(True, "The object matches its row.")


def _take_further(upload: Upload, actor: Any, budget: Budget | None) -> Finding:
    complete(upload, actor=actor, budget=budget)
    if upload.state == State.READY:
        return Finding(True, "The object was verified and is ready.")
    if upload.state == State.REJECTED:
        return Finding(False, f"The file was refused. {upload.rejected_reason}")
    if upload.waiting_reason:
        return Finding(
            False, f"The file waits for an inspector. {upload.waiting_reason}"
        )
    return Finding(True, "The object is being inspected.")


def _find_mismatch(upload: Upload) -> Mismatch | None:
    facts = get_bucket().head_object(upload.key)
    if facts is None:
        return Mismatch("missing", "The object is missing from the bucket.")
    if upload.etag and facts.etag != upload.etag:
        return Mismatch(
            "replaced",
            "The object was replaced. Its ETag differs from the recorded ETag.",
        )
    expected = upload.object_checksum or declared_checksum(upload)
    return find_mismatch(upload, facts, expected_checksum=expected)
