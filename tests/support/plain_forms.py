"""Upload files by a form without JavaScript, without a browser."""

from __future__ import annotations

import uuid
from typing import Any

from uploads import lifecycle
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.s3.keys import incoming_key

REDIRECT = "http://testserver/uploads/arrived/"


def begin_form(owner: Any, byte_size: int = 100, filename: str = "notes.txt") -> Upload:
    """Start an upload and presign its form, as the pages do."""
    upload = lifecycle.start_form(
        owner=owner,
        byte_size=byte_size,
        filename=filename,
        idempotency_key=uuid.uuid4().hex,
    )
    lifecycle.presign_form(upload, redirect_url=REDIRECT)
    return upload


def store_form_object(
    bucket: Bucket, upload: Upload, content: bytes, **changes: Any
) -> None:
    """Store an object under the incoming key, as a browser does with the form."""
    facts: dict[str, Any] = {
        "ContentType": "application/octet-stream",
        "ContentDisposition": "attachment",
        **changes,
    }
    bucket.client.put_object(
        Bucket=bucket.name, Key=incoming_key(upload.key), Body=content, **facts
    )


def has_incoming_object(bucket: Bucket, upload: Upload) -> bool:
    """Return whether an object exists under the incoming key."""
    return bucket.head_object(incoming_key(upload.key)) is not None


def stored_content(bucket: Bucket, upload: Upload) -> bytes | None:
    """Return the content of the object under the upload's own key, or None."""
    facts = bucket.head_object(upload.key)
    return bucket.read_range(upload.key, 0, facts.byte_size) if facts else None
