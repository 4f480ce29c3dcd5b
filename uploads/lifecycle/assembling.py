"""Completes multipart uploads at S3, and handles S3's errors on the way."""

from __future__ import annotations

from contextlib import suppress

import structlog
from django.db import transaction
from django.db.models import Q

from uploads.errors import (
    CompletionConflict,
    Incomplete,
    InvalidState,
    NoSuchMultipartUpload,
    ObjectExists,
    PartsRefused,
    StaleUpload,
    StorageError,
    StorageUnavailable,
)
from uploads.inspection.content_types import stored_type
from uploads.lifecycle.capabilities import capabilities
from uploads.lifecycle.moving import expire
from uploads.lifecycle.part_checksums import announced, composite
from uploads.lifecycle.verification import composite_checksum, missing_parts
from uploads.models import Upload
from uploads.s3.bucket import Bucket, Part, get_bucket
from uploads.states import State
from uploads.trail.writing import record

logger = structlog.get_logger("slipway.lifecycle")

_ATTEMPTS = 2
"""Number of completions that S3 may refuse as a conflict before all parts are sent
again."""


def assemble(upload: Upload) -> str:
    """Complete the multipart upload from the bucket's own list of parts.

    Returns the checksum that the object must have: that of the announced parts, else
    that of the bucket's list, else ``""``. If the answer to an earlier completion was
    lost, S3 answers NoSuchMultipartUpload or ObjectExists here, and some servers answer
    StorageUnavailable. Then the object decides. Raises Incomplete, InvalidState,
    StaleUpload, StorageUnavailable.
    """
    bucket = get_bucket()
    if not upload.multipart_id:
        raise Incomplete(
            "No part has arrived.", missing_parts=missing_parts(upload, [])
        )
    expected = composite(announced(upload))
    try:
        parts = list(bucket.list_parts(upload.key, upload.multipart_id))
        missing = missing_parts(upload, parts)
        if missing:
            if _is_assembled(upload):
                return expected
            raise Incomplete(
                f"{len(missing)} of {upload.part_count} parts have not arrived.",
                missing_parts=missing,
            )
        _complete(bucket, upload, parts)
    except ObjectExists:
        pass
    except NoSuchMultipartUpload:
        _require_object(upload)
        return expected
    except PartsRefused as error:
        if _is_assembled(upload):
            return expected
        # A part was sent again between the two calls; then the next attempt succeeds.
        # Or S3 has lost a part that it lists; then the upload expires in the end.
        raise Incomplete("The storage could not join the parts. Try again.") from error
    return expected or composite_checksum(parts)


def _complete(bucket: Bucket, upload: Upload, parts: list[Part]) -> None:
    """Ask S3 to join the parts; return when the object exists.

    After every failure this function first checks whether the object exists, because a
    concurrent call may have created it. S3 refuses a completion as a conflict while
    another conditional request for the key is in progress, and then requires a new
    multipart upload with all parts. Ceph answers 500 if the parts are already joined.
    Some servers ignore If-None-Match here, so the key is checked before.
    """
    if not capabilities().joins_create_only and _is_assembled(upload):
        raise ObjectExists
    for _ in range(_ATTEMPTS):
        try:
            bucket.complete_multipart_upload(
                upload.key, upload.multipart_id, parts, byte_size=upload.byte_size
            )
            return
        except CompletionConflict:
            if _is_assembled(upload):
                return
        except StorageUnavailable:
            if _is_assembled(upload):
                return
            raise
    _open_again(bucket, upload)


def _open_again(bucket: Bucket, upload: Upload) -> None:
    """Open a new multipart upload for the row, and raise Incomplete for all parts.

    The row changes by compare-and-set, so only one of two concurrent calls opens a new
    multipart upload. The old one is aborted afterwards. If the abort fails, the sweeper
    repeats it.
    """
    refused = upload.multipart_id
    opened = bucket.create_multipart_upload(
        upload.key, content_type=stored_type(upload.content_type)
    )
    unmoved = Upload.objects.filter(
        pk=upload.pk, state=State.PENDING, multipart_id=refused
    )
    with transaction.atomic():
        is_mine = bool(unmoved.update(multipart_id=opened))
        if is_mine:
            record("upload.reopened", upload=upload)
    with suppress(StorageError):
        bucket.abort_multipart_upload(upload.key, refused if is_mine else opened)
    if not is_mine:
        raise StaleUpload
    upload.multipart_id = opened
    logger.warning("upload.reopened", upload=str(upload.pk))
    raise Incomplete(
        "The storage could not join the parts. Send all of them again.",
        missing_parts=missing_parts(upload, []),
    )


def _is_assembled(upload: Upload) -> bool:
    """Return whether the object exists, because a concurrent call has completed it."""
    return get_bucket().head_object(upload.key) is not None


def _require_object(upload: Upload) -> None:
    """Expire an upload if the bucket has dropped its parts and there is no object.

    Raises InvalidState then, and StaleUpload if the row has a new multipart upload.
    """
    if _is_assembled(upload):
        return
    same = Q(multipart_id=upload.multipart_id)
    expire(upload, reason="the storage dropped its parts", only=same)
    raise InvalidState(
        "The storage has dropped the parts of this upload. Start it again."
    )
