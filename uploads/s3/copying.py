"""Copies an object inside the bucket. The bytes do not pass through this server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from uploads.errors import CopyRefused, StorageUnavailable
from uploads.s3.bucket import Bucket
from uploads.s3.checksums import SHA256, Checksums
from uploads.s3.failures import error_code, translated

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CopyObjectOutputTypeDef

MAX_COPY = 5 * 1000**3
"""Maximum number of bytes that one CopyObject call copies.

Source: the API reference of CopyObject, which says 5 GB.
"""

_REFUSALS = {
    "ConditionalRequestConflict": CopyRefused,
    "NoSuchKey": CopyRefused,
    "PreconditionFailed": CopyRefused,
}


def copy_object(
    bucket: Bucket,
    source: str,
    to: str,
    *,
    etag: str,
    content_type: str,
    checksums: Checksums = SHA256,
) -> None:
    """Copy the object ``source`` to the key ``to``, if its ETag equals ``etag``.

    S3 computes the checksum of the copy with the algorithm ``checksums``. The copy
    gets ``content_type`` and the disposition "attachment". Other headers of the source
    are not copied.

    Raises CopyRefused if ``source`` was deleted or replaced, or if ``to`` exists.
    Raises StorageUnavailable for other failures, for example if the source has more
    than MAX_COPY bytes.
    """
    request = {
        **bucket.target,
        "Key": to,
        "CopySource": {"Bucket": bucket.name, "Key": source},
        "CopySourceIfMatch": etag,
        "MetadataDirective": "REPLACE",
        "ContentType": content_type,
        "ContentDisposition": "attachment",
        "ChecksumAlgorithm": checksums.name,
    }
    with translated("CopyObject", _REFUSALS):
        answer = _create_only(bucket, to, request)
    if "ETag" not in answer.get("CopyObjectResult", {}):
        raise StorageUnavailable("S3 did not finish the copy of an object.")


def _create_only(
    bucket: Bucket, to: str, request: dict[str, Any]
) -> CopyObjectOutputTypeDef:
    """Copy the object. Raise an error if the key ``to`` already has an object.

    Some servers do not support If-None-Match for CopyObject. For such a server, this
    function checks the key first and then copies without the condition. Between these
    two calls, only a concurrent copy of the same upload can create the object. Browsers
    cannot create it, because no presigned URL permits a write to ``to``.
    """
    try:
        return bucket.client.copy_object(**request, IfNoneMatch="*")
    except ClientError as error:
        if error_code(error) != "NotImplemented":
            raise
    if bucket.head_object(to) is not None:
        raise CopyRefused
    return bucket.client.copy_object(**request)
