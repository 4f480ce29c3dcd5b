"""Finds objects that a replayed URL has replaced after their verification.

A second PUT by the same URL is refused where the storage follows If-None-Match. A second
form can only bring the same bytes where the storage compares them. Elsewhere the owner
of a URL can replace the object for as long as the URL lives. There the ETag is compared
before each download, and once more by the sweeper when no request can arrive any more.
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

WORDS = "The object was replaced at the storage after it was verified."


def replaceable_until(upload: Upload, facts: ObjectFacts) -> datetime | None:
    """Return until when a replayed URL may replace the object; None if none can.

    In a versioned bucket, downloads name the version that was verified.
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
    """Compare the ETag of a ready upload that is replaceable; return whether it differs.

    Raises StorageUnavailable, StaleUpload.
    """
    if upload.state != State.READY or upload.replaceable_until is None:
        return False
    facts = get_bucket().head_object(upload.key)
    if facts is None or facts.etag == upload.etag:
        return False
    reject(upload, actor, WORDS, cause="replaced")
    return True


def end_watch(upload: Upload) -> None:
    """Write down that no URL can replace the object any more."""
    Upload.objects.filter(pk=upload.pk).update(replaceable_until=None)
    upload.replaceable_until = None
