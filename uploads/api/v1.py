"""Endpoints of version 1 of the HTTP API."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from ninja import Query, Router, Status

from uploads import lifecycle
from uploads.api import schemas
from uploads.api.auth import caller
from uploads.api.batches import IDEMPOTENCY_KEY, declaration_of
from uploads.api.batches import router as batches
from uploads.api.cursors import page_after
from uploads.api.paying import Pays, pay_for_items
from uploads.api.presenting import present, present_started
from uploads.api.storage_faults import router as storage_faults
from uploads.errors import InvalidRequest, NotFound
from uploads.lifecycle import quota, reconciliation
from uploads.lifecycle.policy import policy_for
from uploads.models import Upload
from uploads.text.filenames import chosen_filename
from uploads.trail.writing import record

router = Router()
router.add_router("", batches)
router.add_router("", storage_faults)


def _own(request: HttpRequest, upload_id: uuid.UUID) -> Upload:
    """Return the caller's upload. Raises NotFound if the caller has no such upload."""
    try:
        return Upload.objects.get(pk=upload_id, owner=caller(request))
    except Upload.DoesNotExist as error:
        raise NotFound from error


@router.post(
    "/uploads",
    response={201: schemas.StartedOut},
    tags=["uploads"],
    throttle=Pays("start"),
)
def start(
    request: HttpRequest,
    body: schemas.StartBody,
    idempotency_key: str | None = IDEMPOTENCY_KEY,
) -> Any:
    """Start an upload. Reserve quota, and return the signed request for the bytes."""
    person = caller(request)
    wanted = lifecycle.Wanted(declaration_of(body), idempotency_key)
    [started] = lifecycle.start_many(
        owner=person, wanted=[wanted], policy=policy_for(person)
    )
    return Status(201, present_started(started))


@router.get("/uploads", response=schemas.PageOut, tags=["uploads"])
def list_uploads(request: HttpRequest, query: Query[schemas.UploadFilter]) -> Any:
    """List your own uploads, newest first, one page at a time.

    Without the parameter state, the list leaves out expired, cancelled and deleted
    uploads.
    """
    rows = Upload.objects.filter(owner=caller(request))
    rows = rows.filter(state=query.state) if query.state else rows.visible()
    if query.q:
        rows = rows.named(query.q)
    page, next_cursor = page_after(rows, cursor=query.cursor, limit=query.limit)
    results = [present(upload) for upload in page]
    return {"results": results, "next_cursor": next_cursor}


@router.get("/uploads/{uuid:upload_id}", response=schemas.UploadOut, tags=["uploads"])
def get_upload(request: HttpRequest, upload_id: uuid.UUID) -> Any:
    """Return one of your uploads, in any state."""
    return present(_own(request, upload_id))


@router.patch(
    "/uploads/{uuid:upload_id}",
    response=schemas.UploadOut,
    tags=["uploads"],
    throttle=Pays("change"),
)
def rename(request: HttpRequest, upload_id: uuid.UUID, body: schemas.RenameBody) -> Any:
    """Rename an upload. The server refuses names with forbidden parts, such as a/b."""
    upload = _own(request, upload_id)
    lifecycle.rename(upload, chosen_filename(body.filename), actor=caller(request))
    return present(upload)


@router.post(
    "/uploads/{uuid:upload_id}/request-release",
    response=schemas.UploadOut,
    tags=["uploads"],
    throttle=Pays("change"),
)
def request_release(request: HttpRequest, upload_id: uuid.UUID) -> Any:
    """Ask the operators to release your rejected upload from quarantine. Idempotent."""
    upload = _own(request, upload_id)
    lifecycle.request_release(upload, actor=caller(request))
    return present(upload)


@router.delete(
    "/uploads/{uuid:upload_id}",
    response={204: None},
    tags=["uploads"],
    throttle=Pays("change"),
)
def remove(request: HttpRequest, upload_id: uuid.UUID) -> Any:
    """Cancel a pending upload or delete a stored one. Idempotent."""
    lifecycle.remove(_own(request, upload_id), actor=caller(request))
    return Status(204, None)


@router.post(
    "/uploads/{uuid:upload_id}/parts",
    response=schemas.SignedPartsOut,
    tags=["parts"],
    throttle=Pays("presign"),
)
def presign_parts(
    request: HttpRequest, upload_id: uuid.UUID, body: schemas.PartsBody
) -> Any:
    """Return URLs for up to 100 parts. S3 accepts only the declared bytes for a URL."""
    pay_for_items(request, "presign", count=len(body.parts))
    numbers = [part.part_number for part in body.parts]
    if len(set(numbers)) != len(numbers):
        raise InvalidRequest(fields={"parts": ["A part number appears twice."]})
    wanted = [
        lifecycle.WantedPart(
            part.part_number, part.checksum_sha256 or "", part.checksum_crc64nvme or ""
        )
        for part in body.parts
    ]
    signed = lifecycle.presign_parts(_own(request, upload_id), wanted)
    return {
        "expires_at": min(part.expires_at for part in signed),
        "parts": [
            {"part_number": number, "url": part.url, "headers": part.headers}
            for number, part in zip(numbers, signed, strict=True)
        ],
    }


@router.get(
    "/uploads/{uuid:upload_id}/parts",
    response=schemas.StoredPartsOut,
    tags=["parts"],
    throttle=Pays("presign"),
)
def stored_parts(request: HttpRequest, upload_id: uuid.UUID) -> Any:
    """List the parts that are stored in the bucket."""
    upload = _own(request, upload_id)
    return {
        "part_size": upload.part_size,
        "part_count": upload.part_count,
        "parts": [
            {"part_number": part.part_number, "byte_size": part.byte_size}
            for part in lifecycle.stored_parts(upload)
        ],
    }


@router.post(
    "/uploads/{uuid:upload_id}/complete",
    response=schemas.UploadOut,
    tags=["uploads"],
    throttle=Pays("complete"),
)
def complete(request: HttpRequest, upload_id: uuid.UUID) -> Any:
    """Verify the stored object and complete the upload. Idempotent."""
    upload = reconciliation.complete(_own(request, upload_id), actor=caller(request))
    return present(upload)


@router.get(
    "/uploads/{uuid:upload_id}/download",
    response={302: None},
    tags=["uploads"],
    throttle=Pays("download"),
)
def download(
    request: HttpRequest, upload_id: uuid.UUID, inline: bool = False
) -> HttpResponse:
    """Redirect to a short-lived URL of the object."""
    upload = _own(request, upload_id)
    shown = inline and lifecycle.may_show_inline(upload)
    signed = lifecycle.presign_download(upload, inline=shown)
    # If the site may not show the file inline, the browser downloads the file.
    kind = "upload.previewed" if shown else "upload.downloaded"
    record(kind, upload=upload, actor=caller(request))
    return HttpResponseRedirect(signed.url)


@router.get("/me", response=schemas.MeOut, tags=["account"])
def me(request: HttpRequest) -> Any:
    """Return your quota and your upload policy."""
    now = quota.usage(caller(request))
    policy = policy_for(caller(request))
    return {
        "username": caller(request).get_username(),
        "quota": {
            "limit_bytes": now.limit_bytes,
            "used_bytes": now.used_bytes,
            "reserved_bytes": now.reserved_bytes,
            "file_count": now.file_count,
            "reserved_files": now.reserved_files,
            "max_files": now.max_files,
        },
        "policy": {
            "max_file_size": policy.max_file_size,
            "allowed_content_types": list(policy.allowed_content_types),
        },
    }
