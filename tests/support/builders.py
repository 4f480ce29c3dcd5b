"""Create uploads in any state: declare files, send bytes, let time pass."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from typing import Any

from django.db.models import F

from uploads import lifecycle
from uploads.lifecycle import Declaration, quota
from uploads.models import Orphan, Upload
from uploads.s3.bucket import Bucket

MIB = 1024 * 1024


def checksum(content: bytes) -> str:
    """Return the SHA-256 in base64."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def declare(content: bytes, **changes: Any) -> Declaration:
    """Return the declaration of ``content`` as a text file."""
    facts: dict[str, Any] = {
        "filename": "notes.txt",
        "byte_size": len(content),
        "content_type": "text/plain",
        "checksum_sha256": checksum(content),
    }
    return Declaration(**{**facts, **changes})


def begin(owner: Any, content: bytes = b"hello", **changes: Any) -> Upload:
    """Start an upload and presign its URL, as the API does."""
    upload = lifecycle.start(owner=owner, declaration=declare(content, **changes))
    lifecycle.presign(upload)
    return upload


def put(bucket: Bucket, upload: Upload, content: bytes, **changes: Any) -> None:
    """Store an object as a browser does with the presigned URL."""
    bucket.client.put_object(
        Bucket=bucket.name,
        Key=upload.key,
        Body=content,
        ContentType=upload.content_type,
        ContentDisposition="attachment",
        ChecksumAlgorithm="SHA256",
        ChecksumSHA256=checksum(content),
        **changes,
    )


def send_bare_parts(bucket: Bucket, upload: Upload, parts: dict[int, bytes]) -> None:
    """Send parts without checksums, because some storages do not support checksums."""
    for number, body in parts.items():
        _send_part(bucket, upload, number, body)


def send_parts(bucket: Bucket, upload: Upload, content: bytes, *numbers: int) -> None:
    """Send the parts ``numbers``, or all of them."""
    for number in numbers or range(1, upload.part_count + 1):
        start = (number - 1) * upload.part_size
        body = content[start : start + upload.part_size]
        _send_part(bucket, upload, number, body, ChecksumSHA256=checksum(body))


def _send_part(
    bucket: Bucket, upload: Upload, number: int, body: bytes, **checksums: str
) -> None:
    bucket.client.upload_part(
        Bucket=bucket.name,
        Key=upload.key,
        UploadId=upload.multipart_id,
        PartNumber=number,
        Body=body,
        **checksums,  # type: ignore[arg-type]  # boto3's stubs name each argument
    )


def make_ready(bucket: Bucket, owner: Any, content: bytes = b"hello") -> Upload:
    """Start, send and complete an upload."""
    upload = begin(owner, content)
    put(bucket, upload, content)
    return lifecycle.advance(upload)


def quota_counts(owner: Any) -> tuple[int, int, int, int]:
    """Return the owner's used bytes, reserved bytes, files and reserved files."""
    now = quota.usage(owner)
    return now.used_bytes, now.reserved_bytes, now.file_count, now.reserved_files


def event_kinds(upload: Upload) -> list[str]:
    """Return the kinds of an upload's events in order, without ``upload.presigned``."""
    events = upload.events.exclude(kind="upload.presigned").order_by("id")
    return list(events.values_list("kind", flat=True))


def let_time_pass(**span: float) -> None:
    """Move all recorded times into the past. ``span`` are arguments of timedelta."""
    past = timedelta(**span)
    Upload.objects.update(
        **{
            name: F(name) - past
            for name in (
                "created_at",
                "expires_at",
                "urls_expire_at",
                "replaceable_until",
                "checked_at",
                "retry_at",
                "claimed_until",
            )
        }
    )
    Orphan.objects.update(
        first_seen_at=F("first_seen_at") - past, last_seen_at=F("last_seen_at") - past
    )
