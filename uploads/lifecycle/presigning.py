"""Presigns URLs, each for one request, and records in the row when they expire."""

from __future__ import annotations

import uuid
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
from uploads.lifecycle.checksums import checksums_of
from uploads.lifecycle.multipart import plan_of
from uploads.lifecycle.part_checksums import announce, raw_digests
from uploads.lifecycle.replays import reject_if_replaced
from uploads.lifecycle.starting import extended_deadline, open_multipart
from uploads.metrics.counting import presigning
from uploads.models import Upload
from uploads.s3.bucket import get_download_presigner, get_presigner
from uploads.s3.signed import ObjectToSign, PartToSign, SignedPost, SignedRequest
from uploads.states import State, Transport
from uploads.trail.writing import numbers_in_ranges, record

SIGNING_MARGIN = timedelta(minutes=1)
"""``urls_expire_at`` in the row is this much later than the expiry of the last URL.

So no URL is valid after the time in the row.
"""


@dataclass(frozen=True)
class WantedPart:
    """A part that the browser will send next, with one checksum in base64."""

    part_number: int
    checksum_sha256: str = ""
    checksum_crc64nvme: str = ""


def presign(upload: Upload) -> SignedRequest | SignedPost | None:
    """Return the request that sends the whole file, or None for a multipart upload.

    Raises InvalidState if the upload no longer accepts bytes.
    """
    if upload.transport == Transport.MULTIPART:
        return None
    if upload.transport == Transport.COPY:
        raise InvalidState(
            "The server copies this file from quarantine, so this upload has no URL."
        )
    if upload.transport == Transport.FORM:
        # Only the server may write to the upload's own key (see receiving.py).
        raise InvalidState(
            "Only the form on the page of this upload can send the file. Open the page "
            "of this upload in a browser."
        )
    seconds = extend_urls(upload, {"transport": upload.transport})
    [signed] = _sign_whole([upload], seconds)
    return signed


@dataclass(frozen=True)
class First:
    """Facts about the first URLs that a request gets for its new uploads.

    ``seconds`` is the lifetime of the URLs. ``detail`` is for the audit events.
    """

    seconds: int
    urls_expire_at: datetime
    detail: dict[str, str | int]


def first_urls(uploads: Sequence[Upload]) -> dict[str, First]:
    """Set ``urls_expire_at`` of unsaved rows, and return facts about their first URLs.

    The keys of the result are the transports that get a URL at the start of the upload.
    """
    firsts: dict[str, First] = {}
    for upload in uploads:
        if upload.transport not in {Transport.PUT, Transport.POST}:
            continue
        if upload.transport not in firsts:
            firsts[upload.transport] = _first(upload)
        upload.urls_expire_at = firsts[upload.transport].urls_expire_at
    return firsts


def _first(upload: Upload) -> First:
    now = upload.created_at
    seconds = min(
        options().url_expiry_seconds, int((upload.expires_at - now).total_seconds())
    )
    expires_at = now + timedelta(seconds=seconds)
    until = expires_at.isoformat(timespec="seconds")
    detail: dict[str, str | int] = {
        "transport": upload.transport,
        "expires_at": until,
    }
    return First(seconds, expires_at + SIGNING_MARGIN, detail)


def presign_first(
    uploads: Sequence[Upload], firsts: Mapping[str, First]
) -> dict[uuid.UUID, SignedRequest | SignedPost]:
    """Return the requests that send whole files. Commit the rows before this call."""
    groups: dict[tuple[str, str], list[Upload]] = {}
    for upload in uploads:
        if upload.transport in firsts:
            group = upload.transport, upload.checksum_algorithm
            groups.setdefault(group, []).append(upload)
    signed: dict[uuid.UUID, SignedRequest | SignedPost] = {}
    for (transport, _), rows in groups.items():
        requests = _sign_whole(rows, firsts[transport].seconds)
        signed |= zip((row.pk for row in rows), requests, strict=True)
    return signed


def _sign_whole(
    uploads: Sequence[Upload], seconds: int
) -> Sequence[SignedRequest | SignedPost]:
    """Return the requests that send whole files.

    All uploads have the same transport and checksum algorithm.
    """
    checksums = checksums_of(uploads[0])
    objects = [
        ObjectToSign(
            upload.key,
            upload.byte_size,
            stored_type(upload.content_type),
            checksums.of(upload),
        )
        for upload in uploads
    ]
    with presigning(uploads[0].transport, len(uploads)):
        if uploads[0].transport == Transport.POST:
            return get_presigner().post_objects(objects, expires_in=seconds)
        return get_presigner().put_objects(
            objects, checksums=checksums, expires_in=seconds
        )


def presign_parts(upload: Upload, wanted: Sequence[WantedPart]) -> list[SignedRequest]:
    """Return one URL for each wanted part, in order.

    Raises InvalidRequest for a part number outside of the plan. Raises InvalidState if
    the upload has no parts or no longer accepts bytes. Raises StorageUnavailable if the
    row has no multipart id and S3 cannot create a multipart upload.
    """
    if upload.transport != Transport.MULTIPART:
        raise InvalidState(
            f"This upload has the transport {upload.transport}, so it has no parts."
        )
    outside = [
        part.part_number
        for part in wanted
        if not 1 <= part.part_number <= upload.part_count
    ]
    if outside:
        words = (
            f"Part {outside[0]} does not exist. This upload has the parts 1 to "
            f"{upload.part_count}."
        )
        raise InvalidRequest(fields={"parts": [words]})
    digests = raw_digests(upload, wanted)
    if not upload.multipart_id:
        # Either the process that started the upload died before it stored the multipart
        # id, or ``raw_digests`` has removed the id together with the old algorithm.
        open_multipart(upload)
    seconds = extend_urls(upload, _batch(wanted), digests=digests)
    if not upload.multipart_id:
        raise InvalidState(f"The upload is {upload.state} and accepts no more bytes.")
    presigner, checksums = get_presigner(), checksums_of(upload)
    plan = plan_of(upload)
    with presigning("part", len(wanted)):
        return presigner.upload_parts(
            key=upload.key,
            multipart_id=upload.multipart_id,
            parts=[
                PartToSign(
                    part.part_number,
                    plan.byte_size_of(part.part_number),
                    checksums.of(part),
                )
                for part in wanted
            ],
            checksums=checksums,
            expires_in=seconds,
        )


def presign_download(upload: Upload, *, inline: bool = False) -> SignedRequest:
    """Return a GET request for the object.

    The browser saves the file. With ``inline``, the browser shows a raster image
    instead. Raises InvalidState if the upload is not ready or if its object was
    replaced. Raises StorageUnavailable.
    """
    reject_if_replaced(upload)
    if upload.state != State.READY:
        raise InvalidState(
            f"The upload is {upload.state}. Only ready uploads can be downloaded."
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
    """Return whether the detected type is a raster image, such as PNG."""
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
    """Record the expiry of new URLs; return their lifetime in seconds.

    Call this function before the URLs are signed. A request for URLs counts as
    activity, so this function also extends the deadline of the upload. The UPDATE
    checks that the upload accepts bytes, so no URL is signed after a cancel. One audit
    event records the transport or the parts, and the expiry, but never a URL.
    ``digests`` are the announced checksums of the parts. Raises InvalidState if the
    upload accepts no bytes.
    """
    now = timezone.now()
    deadline = upload.expires_at
    if deadline > now:
        deadline = max(deadline, extended_deadline(upload, now))
    seconds = min(options().url_expiry_seconds, int((deadline - now).total_seconds()))
    # The URL is signed shortly after this calculation, so it expires shortly after
    # ``expires_at``. SIGNING_MARGIN is longer than the difference.
    expires_at = now + timedelta(seconds=seconds)
    until = expires_at + SIGNING_MARGIN
    changes = {"urls_expire_at": _later_of("urls_expire_at", until)}
    if deadline > upload.expires_at:
        changes["expires_at"] = _later_of("expires_at", deadline)
    # Compare the deadline in the row, because ``upload.expires_at`` may be outdated.
    live = Upload.objects.filter(
        pk=upload.pk,
        state=State.PENDING,
        expires_at__gt=now,
        checksum_algorithm=upload.checksum_algorithm,
    )
    with transaction.atomic():
        if seconds < 1 or not live.update(**changes):
            state = "past its deadline" if seconds < 1 else _state_now(upload)
            raise InvalidState(f"The upload is {state} and accepts no more bytes.")
        if digests:
            announce(upload, digests)
        # The actor is the owner, because only the owner gets upload URLs.
        detail = {**batch, "expires_at": expires_at.isoformat(timespec="seconds")}
        record("upload.presigned", upload=upload, actor=upload.owner_id, detail=detail)
    upload.urls_expire_at, upload.expires_at = until, deadline
    return seconds


def _later_of(name: str, moment: datetime) -> Greatest:
    return Greatest(Coalesce(F(name), moment), moment)


def _state_now(upload: Upload) -> str:
    upload.refresh_from_db(fields=["state", "expires_at"])
    return "past its deadline" if upload.is_overdue else upload.state
