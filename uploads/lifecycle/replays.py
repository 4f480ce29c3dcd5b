"""Finds objects that a second request to the same URL has replaced after verification.

A storage that follows If-None-Match refuses a second PUT to the same URL. A storage
that compares the bytes of a POST form with the signed SHA-256 accepts only the same
bytes again. On other storages, the owner can replace the object until the URL expires.
On such a storage, the site compares the ETag before each download. The sweeper compares
the ETag once more after the last possible request.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from uploads.lifecycle.capabilities import capabilities
from uploads.lifecycle.inspecting import reject
from uploads.lifecycle.schedule import SLOWEST_PUT
from uploads.models import Upload
from uploads.s3.bucket import ObjectFacts, get_bucket
from uploads.states import State, Transport

WORDS = (
    "The file was replaced in the storage after this site had verified it. Upload the "
    "file again."
)


def replaceable_until(upload: Upload, facts: ObjectFacts) -> datetime | None:
    """Return the time until which a second request may replace the object, or None.

    None means that no request can replace it. In a versioned bucket the result is
    always None, because downloads name the verified version.
    """
    if facts.version_id or upload.urls_expire_at is None:
        return None
    known = capabilities()
    is_open = {
        Transport.PUT: not known.puts_create_only,
        Transport.POST: not known.compares_bytes(Transport.POST),
    }
    if not is_open.get(Transport(upload.transport), False):
        return None
    until = upload.urls_expire_at + SLOWEST_PUT
    return until if until > timezone.now() else None


def reject_if_replaced(upload: Upload, *, actor: Any = None) -> bool:
    """Reject a ready upload if the ETag of its object differs from the row.

    Returns whether this function rejected the upload. If no URL can replace the object,
    this function sends no request to S3 and returns False. Raises StorageUnavailable,
    StaleUpload.
    """
    if upload.state != State.READY or upload.replaceable_until is None:
        return False
    facts = get_bucket().head_object(upload.key)
    if facts is None or facts.etag == upload.etag:
        return False
    reject(upload, actor, WORDS, cause="replaced")
    return True


def end_watch(upload: Upload) -> None:
    """Record in the row that all URLs that could replace the object have expired."""
    Upload.objects.filter(pk=upload.pk).update(replaceable_until=None)
    upload.replaceable_until = None
