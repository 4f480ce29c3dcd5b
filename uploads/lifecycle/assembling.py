"""Completes multipart uploads at S3, and handles the errors that S3 returns."""

from __future__ import annotations

from contextlib import suppress

import structlog
from django.db import transaction
from django.db.models import Q

from uploads.errors import (
    ChecksumRefused,
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
from uploads.lifecycle.capabilities import capabilities
from uploads.lifecycle.checksums import checksums_of
from uploads.lifecycle.moving import expire
from uploads.lifecycle.multipart import create_multipart
from uploads.lifecycle.part_checksums import announced, joined, with_checksums
from uploads.lifecycle.verification import listed_checksum, missing_parts
from uploads.models import Upload
from uploads.s3.bucket import Bucket, Part, get_bucket
from uploads.s3.checksums import CRC64NVME
from uploads.states import State
from uploads.trail.writing import record

logger = structlog.get_logger("slipway.lifecycle")

_ATTEMPTS = 2
"""After this number of conflicts (409) from S3, the client must resend all parts."""


def assemble(upload: Upload) -> str:
    """Complete the multipart upload from the bucket's own list of parts.

    Returns the checksum that the object must have. This function computes this checksum
    from the announced checksums of the parts, or else from the checksums in the
    bucket's list. If neither source has the checksums of all parts, the result is
    ``""``.

    Idempotent. If an earlier call has joined the parts, S3 refuses this call. In this
    case the function only checks that the object exists. Raises Incomplete,
    InvalidState, StaleUpload, StorageUnavailable. Raises ChecksumRefused if the sent
    parts differ from the announced parts.
    """
    bucket = get_bucket()
    if not upload.multipart_id:
        raise Incomplete(
            "No part has arrived. Send the parts, then complete the upload again.",
            missing_parts=missing_parts(upload, []),
        )
    digests = announced(upload)
    expected = joined(upload, digests)
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
        listed = listed_checksum(upload, parts)
        parts = with_checksums(upload, parts, digests)
        _complete(bucket, upload, parts, checksum=listed or expected)
    except ObjectExists:
        pass
    except NoSuchMultipartUpload:
        _require_object(upload)
        return expected
    except PartsRefused as error:
        if _is_assembled(upload):
            return expected
        if isinstance(error, ChecksumRefused) and expected and not listed:
            raise  # the stored parts are not the parts that the client announced
        # If a client has sent a part again after S3 listed the parts, the next attempt
        # succeeds. In two cases every attempt fails until the client sends a part again
        # or the upload expires. First, S3 may have lost a part that it lists. Second,
        # the client may have announced a new checksum for a part, but not sent this
        # part again.
        raise Incomplete("The storage could not join the parts. Try again.") from error
    return expected or listed


def _complete(
    bucket: Bucket, upload: Upload, parts: list[Part], *, checksum: str
) -> None:
    """Ask S3 to join the parts, and return when the object exists.

    After a failure, this function checks whether the object exists, because a
    concurrent call may have created it. S3 reports a conflict while another conditional
    request for the same key is in progress. After a conflict, S3 may accept the parts
    only in a new multipart upload. So after the second conflict, this function opens a
    new multipart upload and raises Incomplete. Ceph answers 500 if a concurrent call
    has joined the parts.

    Some S3 servers ignore If-None-Match in this request. For these servers, the
    function checks first whether the object exists. Raises ObjectExists if the object
    exists.
    """
    if not capabilities().joins_create_only and _is_assembled(upload):
        raise ObjectExists
    is_whole = checksums_of(upload) is CRC64NVME
    for _ in range(_ATTEMPTS):
        try:
            bucket.complete_multipart_upload(
                upload.key,
                upload.multipart_id,
                parts,
                byte_size=upload.byte_size,
                checksum_crc64nvme=checksum if is_whole else "",
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
    """Open a new multipart upload for the row, and raise Incomplete.

    Incomplete lists all parts as missing. A compare-and-set stores the new id in the
    row, so only one of two concurrent calls succeeds. The successful call aborts the
    old multipart upload. The other call aborts its own new multipart upload, and
    raises StaleUpload. If an abort fails, the sweeper repeats it.
    """
    refused = upload.multipart_id
    opened = create_multipart(upload)
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
        "The storage could not join the parts. Send all parts again.",
        missing_parts=missing_parts(upload, []),
    )


def _is_assembled(upload: Upload) -> bool:
    """Return whether the object exists, which proves that S3 has joined the parts."""
    return get_bucket().head_object(upload.key) is not None


def _require_object(upload: Upload) -> None:
    """Expire the upload if it has no object. Call this if S3 no longer has its parts.

    Raises InvalidState after the upload has expired. Raises StaleUpload if the row has
    got a new multipart upload meanwhile.
    """
    if _is_assembled(upload):
        return
    same = Q(multipart_id=upload.multipart_id)
    expire(upload, reason="the storage dropped its parts", only=same)
    raise InvalidState(
        "The storage no longer has the parts of this upload. Start a new upload."
    )
