"""Quarantine: copies of refused objects for operators. Nobody can download them.

Downloads are signed only for an upload's own key, and only while the upload is ready. No
URL is signed for a key in quarantine.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import structlog
from django.db import transaction

from uploads.conf import options
from uploads.errors import CopyRefused, InspectorUnavailable, StorageError
from uploads.models import Upload
from uploads.s3.bucket import get_bucket
from uploads.s3.copying import MAX_COPY, copy_object
from uploads.trail.writing import record

logger = structlog.get_logger("slipway.quarantine")


def quarantine(upload: Upload) -> str:
    """Copy the object of an upload into quarantine and return the copy's key.

    Returns ``""`` if quarantine is off or the object is too large. The key depends only
    on the upload, so a second call finds the copy that an interrupted call has made.
    Raises InspectorUnavailable if the copy fails, so that the object is not deleted.
    """
    prefix = options().quarantine_prefix
    if not prefix:
        return ""
    if upload.byte_size > MAX_COPY:
        logger.warning("quarantine.too_large", upload=str(upload.pk))
        return ""
    key = prefix + upload.key.removeprefix(options().key_prefix)
    try:
        bucket = get_bucket()
        try:
            copy_object(
                bucket,
                upload.key,
                key,
                etag=upload.etag,
                content_type="application/octet-stream",
            )
        except CopyRefused:
            # The copy exists, or the source was replaced and is not kept.
            return key if bucket.head_object(key) else ""
    except StorageError as error:
        raise InspectorUnavailable(f"Quarantine: {error.detail}") from error
    return key


def forget_copy(upload: Upload, key: str) -> None:
    """Delete a copy that the row does not name, because the upload has just ended."""
    if key and not Upload.objects.filter(pk=upload.pk, quarantine_key=key).exists():
        with suppress(StorageError):
            get_bucket().delete_object(key)


def empty_quarantine(upload: Upload, *, actor: Any = None) -> bool:
    """Delete the copy of an upload in quarantine; return whether there was one.

    Raises StorageUnavailable; then the row still names the copy.
    """
    key = upload.quarantine_key
    if not key:
        return False
    get_bucket().delete_object(key)
    with transaction.atomic():
        emptied = Upload.objects.filter(pk=upload.pk, quarantine_key=key)
        if emptied.update(quarantine_key=""):
            record(
                "upload.purged",
                upload=upload,
                actor=actor,
                detail={"from": "quarantine"},
            )
    upload.quarantine_key = ""
    return True
