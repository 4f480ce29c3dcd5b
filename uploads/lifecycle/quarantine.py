"""Refused content, kept for the operator where nobody is ever served from.

No URL is signed for a key of the quarantine: downloads are signed for an upload's
own key, and only while it is ready.
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

    Returns ``""`` where there is no quarantine, or the object is too large for it.
    The key depends on the upload only, so a copy that was made before and not
    written down is found again. Raises InspectorUnavailable: what should be kept
    and cannot be is not thrown away.
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
            # Copied already; or the source is another by now, and is not kept.
            return key if bucket.head_object(key) else ""
    except StorageError as error:
        raise InspectorUnavailable(f"Quarantine: {error.detail}") from error
    return key


def forget_copy(upload: Upload, key: str) -> None:
    """Remove a copy whose upload was given up meanwhile, and so does not know it."""
    if key and not Upload.objects.filter(pk=upload.pk, quarantine_key=key).exists():
        with suppress(StorageError):
            get_bucket().delete_object(key)


def empty_quarantine(upload: Upload, *, actor: Any = None) -> bool:
    """Remove the copy of an upload's object; return whether there was one.

    Raises StorageUnavailable, and then the row still tells of it.
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
