"""Completes uploads: compares the object with the declaration, then inspects it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from uploads.errors import (
    ChecksumRefused,
    Incomplete,
    InvalidState,
    NoSuchMultipartUpload,
    StaleUpload,
    StorageUnavailable,
)
from uploads.inspection.budget import Budget
from uploads.lifecycle.assembling import assemble
from uploads.lifecycle.checksums import checksums_of, declared_checksum
from uploads.lifecycle.claims import claim_end
from uploads.lifecycle.inspecting import inspect, reject
from uploads.lifecycle.judging import Objects
from uploads.lifecycle.moving import move
from uploads.lifecycle.reading_back import CAUSE, WORDS, proof_of_storage
from uploads.lifecycle.receiving import discard_copy, discard_incoming, receive
from uploads.lifecycle.releasing import copy_back
from uploads.lifecycle.replays import replaceable_until
from uploads.lifecycle.verification import find_mismatch
from uploads.models import Upload
from uploads.s3.bucket import ObjectFacts, Part, get_bucket
from uploads.s3.checksums import CRC64NVME
from uploads.s3.prefetch import PrefetchedBucket, prefetch_objects
from uploads.states import FINAL, State, Transport

PREFETCH_BYTES = 64 * 1024
"""Number of first bytes to read in advance. For most files, inspectors need no more."""

WHOLE = frozenset({Transport.PUT, Transport.POST})
"""Transports that send the whole file in one request."""


def advance(
    upload: Upload,
    *,
    actor: Any = None,
    objects: Objects | None = None,
    patient: bool = False,
    budget: Budget | None = None,
) -> Upload:
    """Read the object's facts from the bucket, and move ``upload`` to its next states.

    Idempotent. A repeated or concurrent call continues from the state in the row. The
    returned upload is ``ready``, ``inspecting`` or ``rejected``. Raises Incomplete if
    bytes are missing, InvalidState if the upload has ended, StorageUnavailable if S3
    does not answer. A batch passes the result of ``prefetch`` as ``objects``.

    A ``patient`` caller waits for long inspections. If the caller is not ``patient``,
    ``budget`` limits the cost of the inspection. The default is the budget of a
    request.
    """
    held_until: datetime | None = None
    # If another process moves the row first, try again from the row's new state. A row
    # enters each state at most once, so one attempt for each state is enough.
    for _ in State:
        was = upload.state
        if was not in {State.PENDING, State.INSPECTING}:
            break
        asked = objects or get_bucket()
        try:
            if was == State.PENDING:
                # The move to inspecting also claims the inspection for this process.
                held_until = claim_end(upload, patient=patient)
                _verify(upload, actor, asked, held_until)
            else:
                inspect(
                    upload,
                    actor,
                    asked,
                    patient=patient,
                    budget=budget,
                    held_until=held_until,
                )
            if upload.state == was:
                break  # the inspection has not finished
        except StaleUpload:
            held_until = None
            upload.refresh_from_db()
        except (Incomplete, StorageUnavailable):
            held_until = None
            # If another process has moved the upload meanwhile, try again.
            if not _has_moved_on(upload):
                raise
    if upload.state in FINAL - {State.REJECTED}:
        raise InvalidState(f"The upload is {upload.state} and cannot be completed.")
    return upload


def prefetch(uploads: Iterable[Upload]) -> Objects:
    """Read facts and first bytes of all objects in parallel, and return them.

    With this result, ``advance`` sends fewer requests to S3.
    """
    sizes = {
        upload.key: upload.byte_size
        for upload in uploads
        if upload.state == State.PENDING and upload.transport in WHOLE
    }
    bucket = get_bucket()
    return PrefetchedBucket(
        bucket, prefetch_objects(bucket, sizes, head_bytes=PREFETCH_BYTES, sizes=sizes)
    )


def _has_moved_on(upload: Upload) -> bool:
    """Read the row again and return whether its state has changed."""
    was = upload.state
    upload.refresh_from_db()
    return upload.state != was


def stored_parts(upload: Upload) -> list[Part]:
    """Return the parts that the bucket lists, in order.

    Returns an empty list if the upload is not pending. Raises StorageUnavailable.
    """
    if not upload.multipart_id or upload.state != State.PENDING:
        return []
    try:
        return list(get_bucket().list_parts(upload.key, upload.multipart_id))
    except NoSuchMultipartUpload:
        return []


def _verify(
    upload: Upload, actor: Any, objects: Objects, claimed_until: datetime
) -> None:
    """Compare object and declaration, and move the upload to inspecting or rejected."""
    if upload.transport == Transport.FORM:
        _receive(upload, actor, claimed_until)
        return
    if upload.transport == Transport.COPY:
        _release(upload, actor, claimed_until)
        return
    expected = declared_checksum(upload)
    if upload.transport == Transport.MULTIPART:
        try:
            of_parts = assemble(upload)
        except ChecksumRefused:
            reject(upload, actor, WORDS, cause=CAUSE)
            return
        expected = expected or of_parts
    facts = objects.head_object(upload.key)
    if facts is None:
        raise Incomplete(
            "The file has not arrived in the bucket. Send the file, then complete the "
            "upload again.",
            missing_parts=[1],
        )
    mismatch = find_mismatch(upload, facts, expected_checksum=expected)
    if mismatch:
        reject(upload, actor, mismatch.words, cause=mismatch.cause)
        return
    found = recorded(upload, facts, expected)
    move(
        upload,
        State.INSPECTING,
        actor=actor,
        detail=found,
        claimed_until=claimed_until,
        replaceable_until=replaceable_until(upload, facts),
        **found,
    )


def _release(upload: Upload, actor: Any, claimed_until: datetime) -> None:
    """Copy the object from quarantine to the upload's key.

    Then move the upload to inspecting.
    """
    facts = copy_back(upload)
    expected = declared_checksum(upload)
    mismatch = find_mismatch(upload, facts, expected_checksum=expected)
    if mismatch:
        reject(upload, actor, mismatch.words, cause=mismatch.cause)
        return
    found = recorded(upload, facts, expected)
    try:
        move(
            upload,
            State.INSPECTING,
            actor=actor,
            detail=found,
            claimed_until=claimed_until,
            **found,
        )
    except StaleUpload:
        upload.refresh_from_db()
        if upload.is_final:
            discard_copy(upload, facts)
        raise


def _receive(upload: Upload, actor: Any, claimed_until: datetime) -> None:
    """Copy the file that a plain form has sent to the upload's own key.

    Then move the upload to inspecting.
    """
    arrival = receive(upload)
    if arrival.refusal:
        reject(upload, actor, arrival.refusal.words, cause=arrival.refusal.cause)
        return
    found = arrival.recorded | recorded(upload, arrival.facts, "")
    # Keep the name out of the audit event, because it may contain personal data.
    told = {name: value for name, value in found.items() if name != "filename"}
    detail = {"reserved_bytes": upload.byte_size, **told}
    try:
        move(
            upload,
            State.INSPECTING,
            actor=actor,
            detail=detail,
            claimed_until=claimed_until,
            **found,
        )
    except StaleUpload:
        upload.refresh_from_db()
        if upload.is_final:
            discard_copy(upload, arrival.facts)
        elif upload.etag != arrival.facts.etag:
            # Another call has replaced this copy by a copy of other bytes. This is
            # possible if the storage ignores If-None-Match.
            words = (
                "While the site checked this file, another file arrived from the same "
                "form. Upload this file again."
            )
            reject(upload, actor, words, cause="replaced")
        raise
    discard_incoming(upload)


def recorded(upload: Upload, facts: ObjectFacts, expected: str) -> dict[str, Any]:
    """Return new values for the row, from the facts about its verified object.

    ``expected`` is the checksum that the object must have, or empty.
    """
    checksums = checksums_of(upload)
    found = {
        "etag": facts.etag,
        "version_id": facts.version_id or "",
        "object_checksum": checksums.of(facts),
        "checksum_verified_by": proof_of_storage(upload, facts, expected),
    }
    if checksums is CRC64NVME:
        # The client need not declare the CRC64NVME of a multipart upload, because
        # ``assemble`` computes this checksum from the checksums of the parts.
        found[checksums.attribute] = expected
    return found
