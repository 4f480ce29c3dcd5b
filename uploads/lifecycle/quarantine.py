"""Copies refused objects to quarantine, so that operators can examine them.

The site signs no URL for a key in quarantine, so nobody can download such a copy.
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

    Returns ``""`` if quarantine is off, or if the object is too large or was replaced.
    Idempotent. The key depends only on the upload, so a second call finds the copy of
    the first call. Raises InspectorUnavailable if the copy fails. The upload then stays
    inspecting and keeps its object.
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
            # Either the copy exists, or the object was replaced.
            return key if bucket.head_object(key) else ""
    except StorageError as error:
        raise InspectorUnavailable(f"Quarantine: {error.detail}") from error
    return key


def forget_copy(upload: Upload, key: str) -> None:
    """Delete the copy under ``key`` if the row does not have this key.

    The row does not have this key if another process has ended the upload before its
    rejection.
    """
    if key and not Upload.objects.filter(pk=upload.pk, quarantine_key=key).exists():
        with suppress(StorageError):
            get_bucket().delete_object(key)


def empty_quarantine(upload: Upload, *, actor: Any = None) -> bool:
    """Delete an upload's copy from quarantine; return whether there was a copy.

    Raises StorageUnavailable. After this error the row keeps the key of the copy.
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
