"""Hands out URLs for uploads: each permits one request, and the row knows when it dies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from uploads.conf import options
from uploads.errors import InvalidRequest, InvalidState
from uploads.inspection.content_types import (
    RASTER_IMAGES,
    UNKNOWN,
    served_type,
    stored_type,
)
from uploads.inspection.disguises import is_runnable
from uploads.lifecycle.part_checksums import announce, raw_digest
from uploads.lifecycle.starting import extended_deadline, open_multipart
from uploads.metrics.counting import presigning
from uploads.models import Upload
from uploads.s3.bucket import get_download_presigner, get_presigner
from uploads.s3.part_plan import PartPlan
from uploads.s3.signed import PartToSign, SignedPost, SignedRequest
from uploads.states import State, Transport
from uploads.trail.writing import numbers_in_ranges, record

SIGNING_MARGIN = timedelta(minutes=1)
"""The row may say that URLs live longer than they do; never that they are dead."""


@dataclass(frozen=True)
class WantedPart:
    """A part that the browser is about to send, with base64 of its raw SHA-256."""

    part_number: int
    checksum_sha256: str


def presign(upload: Upload) -> SignedRequest | SignedPost | None:
    """Return the one request that sends the whole file; None where parts are due.

    Raises InvalidState for an upload that takes no bytes any more.
    """
    if upload.transport == Transport.MULTIPART:
        return None
    if upload.transport == Transport.COPY:
        raise InvalidState("The server copies this file from quarantine.")
    if upload.transport == Transport.FORM:
        # Its own key is for the server's copy alone: see receiving.py.
        raise InvalidState("A plain form sends this file: see its page.")
    seconds = extend_urls(upload, {"transport": upload.transport})
    return _sign_whole(upload, seconds)


@dataclass(frozen=True)
class First:
    """How long the URL lives that is made with the row, and what the trail says."""

    seconds: int
    detail: dict[str, str | int]


def first_urls(upload: Upload) -> First | None:
    """Note in a row that is not saved yet how long bytes may arrive by its first URL.

    None where the upload has parts, which are signed one by one. See extend_urls.
    """
    if upload.transport not in {Transport.PUT, Transport.POST}:
        return None
    now = upload.created_at
    seconds = min(
        options().url_expiry_seconds, int((upload.expires_at - now).total_seconds())
    )
    expires_at = now + timedelta(seconds=seconds)
    upload.urls_expire_at = expires_at + SIGNING_MARGIN
    until = expires_at.isoformat(timespec="seconds")
    return First(seconds, {"transport": upload.transport, "expires_at": until})


def presign_first(upload: Upload, first: First) -> SignedRequest | SignedPost:
    """Return the request that sends the whole file, once its row is committed."""
    return _sign_whole(upload, first.seconds)


def _sign_whole(upload: Upload, seconds: int) -> SignedRequest | SignedPost:
    presigner = get_presigner()
    make = (
        presigner.post_object
        if upload.transport == Transport.POST
        else presigner.put_object
    )
    with presigning(upload.transport):
        return make(
            key=upload.key,
            byte_size=upload.byte_size,
            content_type=stored_type(upload.content_type),
            checksum_sha256=upload.checksum_sha256,
            expires_in=seconds,
        )


def presign_parts(upload: Upload, wanted: Sequence[WantedPart]) -> list[SignedRequest]:
    """Return one URL for each wanted part, in order.

    Raises InvalidRequest for a number outside the plan, InvalidState for an
    upload that has no parts or takes no bytes any more, StorageUnavailable where
    the upload has still to be opened at S3 and cannot be.
    """
    if upload.transport != Transport.MULTIPART:
        raise InvalidState(f"The transport is {upload.transport}: there are no parts.")
    outside = [
        part.part_number
        for part in wanted
        if not 1 <= part.part_number <= upload.part_count
    ]
    if outside:
        raise InvalidRequest(
            fields={
                "parts": [
                    f"Part {outside[0]} is outside the plan: 1 to {upload.part_count}."
                ]
            }
        )
    if not upload.multipart_id:
        # Its start died on the way to S3, and nobody knows its key any more.
        open_multipart(upload)
    digests = {part.part_number: raw_digest(part.checksum_sha256) for part in wanted}
    seconds = extend_urls(upload, _batch(wanted), digests=digests)
    if not upload.multipart_id:
        raise InvalidState(f"The upload is {upload.state} and takes no more bytes.")
    presigner = get_presigner()
    plan = PartPlan(byte_size=upload.byte_size, part_size=upload.part_size)
    with presigning("part", len(wanted)):
        return presigner.upload_parts(
            key=upload.key,
            multipart_id=upload.multipart_id,
            parts=[
                PartToSign(
                    part.part_number,
                    plan.byte_size_of(part.part_number),
                    part.checksum_sha256,
                )
                for part in wanted
            ],
            expires_in=seconds,
        )


def presign_download(upload: Upload, *, inline: bool = False) -> SignedRequest:
    """Return a GET for the object: an attachment, or inline for a verified image.

    Raises InvalidState for an upload that is not ready.
    """
    if upload.state != State.READY:
        raise InvalidState(
            f"The upload is {upload.state}: there is nothing to download."
        )
    shown = inline and may_show_inline(upload)
    with presigning("download"):
        return get_download_presigner().get_object(
            key=upload.key,
            filename=upload.filename,
            content_type=_type_of_download(upload),
            disposition="inline" if shown else "attachment",
            expires_in=options().download_expiry_seconds,
            version_id=upload.version_id or None,
        )


def may_show_inline(upload: Upload) -> bool:
    """Return whether the object was detected to be a raster image."""
    return upload.detected_type in RASTER_IMAGES


def _type_of_download(upload: Upload) -> str:
    if is_runnable(upload.filename):
        return UNKNOWN
    return served_type(upload.content_type, upload.detected_type)


def _batch(wanted: Sequence[WantedPart]) -> dict[str, str | int]:
    numbers = [part.part_number for part in wanted]
    return {"parts": numbers_in_ranges(numbers), "part_count": len(numbers)}


def extend_urls(
    upload: Upload,
    batch: dict[str, str | int],
    *,
    digests: Mapping[int, bytes] | None = None,
) -> int:
    """Note how long bytes may now arrive, before the URL is made; return seconds.

    Who asks is under way, so in the last of its time the upload gets more. Part of
    the same UPDATE is the question whether the upload still takes bytes, so that
    none are signed for after a cancel or an end. With it goes one audit line: what
    is signed for, until when, and never the URL. ``digests`` are the announced hashes
    of parts. Raises InvalidState.
    """
    now = timezone.now()
    deadline = upload.expires_at
    if deadline > now:
        deadline = max(deadline, extended_deadline(upload, now))
    seconds = min(options().url_expiry_seconds, int((deadline - now).total_seconds()))
    # The URL is made a moment later, and its life counts from then.
    expires_at = now + timedelta(seconds=seconds)
    until = expires_at + SIGNING_MARGIN
    changes = {"urls_expire_at": _later_of("urls_expire_at", until)}
    if deadline > upload.expires_at:  # seldom: the column has an index
        changes["expires_at"] = _later_of("expires_at", deadline)
    # Time that is up stays up: by the row, whatever this copy of it says.
    live = Upload.objects.filter(pk=upload.pk, state=State.PENDING, expires_at__gt=now)
    with transaction.atomic():
        if seconds < 1 or not live.update(**changes):
            state = "overdue" if seconds < 1 else _state_in_words(upload)
            raise InvalidState(f"The upload is {state} and takes no more bytes.")
        if digests:
            announce(upload, digests)
        # Nobody but its owner is ever given one.
        detail = {**batch, "expires_at": expires_at.isoformat(timespec="seconds")}
        record("upload.presigned", upload=upload, actor=upload.owner_id, detail=detail)
    upload.urls_expire_at, upload.expires_at = until, deadline
    return seconds


def _later_of(name: str, moment: datetime) -> Greatest:
    return Greatest(Coalesce(F(name), moment), moment)


def _state_in_words(upload: Upload) -> str:
    upload.refresh_from_db(fields=["state", "expires_at"])
    return "overdue" if upload.is_past_deadline else upload.state
