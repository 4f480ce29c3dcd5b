"""Starts many uploads with no more database queries than one upload needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError

from uploads.errors import StorageError, UploadError
from uploads.lifecycle.new_uploads import Declaration, NewUploads, insert_uploads
from uploads.lifecycle.policy import Policy
from uploads.lifecycle.presigning import first_urls, presign, presign_first
from uploads.lifecycle.starting import (
    open_multipart,
    require_acceptable,
    require_same,
    start,
)
from uploads.models import Upload
from uploads.s3.signed import SignedPost, SignedRequest
from uploads.states import State, Transport


@dataclass(frozen=True)
class Wanted:
    """A request for one upload of a batch."""

    declaration: Declaration
    idempotency_key: str | None = None


@dataclass
class Started:
    """The result for one upload of a batch.

    On success, ``request`` is the signed request that sends the file. For a multipart
    upload it is None.
    """

    upload: Upload | None = None
    request: SignedRequest | SignedPost | None = None
    error: UploadError | None = None


@dataclass
class _Batch:
    owner: Any
    results: list[Started]
    rows: NewUploads
    new: dict[int, Upload] = field(default_factory=dict)
    """Unsaved rows. Each key is the upload's position in the batch."""


def start_many(
    *, owner: Any, wanted: Sequence[Wanted], policy: Policy
) -> list[Started]:
    """Start uploads in order, as ``start`` does, and sign the requests that send them.

    The batch needs one INSERT for all rows, one INSERT for all events, and one UPDATE
    of the quota. If an upload does not fit into the quota, its result is an error. A
    smaller upload that follows it may fit.
    """
    batch = _Batch(owner, [Started() for _ in wanted], NewUploads(owner))
    known = _known(owner, wanted)
    for place, one in enumerate(wanted):
        try:
            _prepare(batch, place, one, known, policy)
        except UploadError as error:
            batch.results[place].error = error
    try:
        _create(batch)
    except IntegrityError:
        # A concurrent request with the same idempotency keys has inserted its rows
        # first. ``start`` finds these rows one by one.
        for place in batch.new:
            batch.results[place] = _start_one(owner, wanted[place], policy)
    for result in batch.results:
        _finish(result)
    return batch.results


def _known(owner: Any, wanted: Sequence[Wanted]) -> dict[str, Upload]:
    keys = [one.idempotency_key for one in wanted if one.idempotency_key]
    if not keys:
        return {}
    rows = Upload.objects.filter(owner=owner, idempotency_key__in=keys)
    return {str(row.idempotency_key): row for row in rows}


def _prepare(
    batch: _Batch, place: int, one: Wanted, known: dict[str, Upload], policy: Policy
) -> None:
    declaration = one.declaration
    upload = known.get(one.idempotency_key or "")
    if upload is not None:
        require_same(upload, declaration)
        batch.results[place].upload = upload
        return
    require_acceptable(declaration, policy)
    batch.new[place] = batch.rows.row(declaration, one.idempotency_key)


def _create(batch: _Batch) -> None:
    """Insert the rows that fit into the quota, and sign their first requests."""
    if not batch.new:
        return
    rows = list(batch.new.values())
    firsts = first_urls(rows)
    presigned = {transport: first.detail for transport, first in firsts.items()}
    refused = insert_uploads(batch.owner, rows, presigned)
    made = [row for row, error in zip(rows, refused, strict=True) if not error]
    signed = presign_first(made, firsts)
    for (place, row), error in zip(batch.new.items(), refused, strict=True):
        result = batch.results[place]
        if error:
            result.error = error
        else:
            result.upload, result.request = row, signed.get(row.pk)


def _start_one(owner: Any, one: Wanted, policy: Policy) -> Started:
    try:
        return Started(
            start(
                owner=owner,
                declaration=one.declaration,
                idempotency_key=one.idempotency_key,
                policy=policy,
            )
        )
    except UploadError as error:
        return Started(error=error)


def _finish(result: Started) -> None:
    """Open a multipart upload, or sign the request if the upload is not new."""
    upload = result.upload
    if upload is None or result.request is not None or upload.state != State.PENDING:
        return
    try:
        if upload.transport != Transport.MULTIPART:
            result.request = presign(upload)
        elif not upload.multipart_id:
            open_multipart(upload)
    except (StorageError, UploadError) as error:
        result.upload, result.error = None, error
