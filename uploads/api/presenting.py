"""Convert rows and signed requests into the JSON of the API."""

from __future__ import annotations

from typing import Any

from uploads.api import schemas
from uploads.errors import NotFound
from uploads.lifecycle import Started, may_be_released, note_on
from uploads.models import Upload
from uploads.s3.signed import SignedPost
from uploads.states import Transport


def present(upload: Upload) -> dict[str, Any]:
    """Return the JSON members of an upload that are the same in all responses."""
    return {
        "id": upload.pk,
        "state": upload.state,
        "filename": upload.filename,
        "relative_path": upload.relative_path,
        "byte_size": upload.byte_size,
        "content_type": upload.content_type,
        "detected_type": upload.detected_type or None,
        "note": note_on(upload) or None,
        "checksum_sha256": upload.checksum_sha256 or None,
        "checksum_crc64nvme": upload.checksum_crc64nvme or None,
        "checksum_algorithm": upload.checksum_algorithm,
        "checksum_verified_by": upload.checksum_verified_by or None,
        "transport": upload.transport,
        "created_at": upload.created_at,
        "expires_at": upload.expires_at,
        "completed_at": upload.completed_at,
        "rejected_reason": upload.rejected_reason or None,
        "release": release_state(upload),
        "released_as": upload.released_as_id,
        "released_from": upload.released_from_id,
        "last_modified": upload.last_modified,
        "fingerprint": upload.fingerprint or None,
    }


def release_state(upload: Upload) -> str | None:
    """Return the state of the release, or None if the upload cannot be released."""
    if upload.released_as_id:
        return "released"
    if not may_be_released(upload):
        return None
    return "requested" if upload.release_requested_at else "possible"


def present_started(started: Started) -> schemas.StartedOut:
    """Return the upload with the signed request that sends its bytes.

    The request is None if the upload is not pending. A multipart upload has no such
    request, because clients get the URLs of its parts later. Raises the error of the
    start.
    """
    upload = started.upload
    if upload is None:
        raise started.error or NotFound()
    shown, request = present(upload), _request(started.request)
    if upload.transport == Transport.MULTIPART:
        return schemas.MultipartStartedOut(
            **shown, part_size=upload.part_size, part_count=upload.part_count
        )
    if upload.transport == Transport.POST:
        return schemas.PostStartedOut(**shown, request=request)
    return schemas.PutStartedOut(**shown, request=request)


def _request(signed: Any) -> Any:
    if signed is None:
        return None
    shown = {"method": signed.method, "url": signed.url}
    if isinstance(signed, SignedPost):
        return shown | {"fields": signed.fields}
    return shown | {"headers": signed.headers}
