"""Copies an object inside the bucket: the bytes never leave S3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from uploads.errors import CopyRefused, StorageUnavailable
from uploads.s3.bucket import Bucket
from uploads.s3.failures import error_code, translated

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CopyObjectOutputTypeDef

MAX_COPY = 5 * 1000**3
"""Bytes that one CopyObject takes. Source: the CopyObject reference, 5 GB."""

_REFUSALS = {
    "ConditionalRequestConflict": CopyRefused,
    "NoSuchKey": CopyRefused,
    "PreconditionFailed": CopyRefused,
}


def copy_object(
    bucket: Bucket, source: str, to: str, *, etag: str, content_type: str
) -> None:
    """Copy the object ``source`` to the key ``to``, if it is still the one of ``etag``.

    The copy has the headers of an upload, whatever the source was sent with.
    Raises CopyRefused where ``source`` is gone or another object by now, or ``to``
    is taken, and StorageUnavailable, also for more than MAX_COPY bytes.
    """
    request = {
        **bucket.target,
        "Key": to,
        "CopySource": {"Bucket": bucket.name, "Key": source},
        "CopySourceIfMatch": etag,
        "MetadataDirective": "REPLACE",
        "ContentType": content_type,
        "ContentDisposition": "attachment",
        "ChecksumAlgorithm": "SHA256",
    }
    with translated("CopyObject", _REFUSALS):
        answer = _create_only(bucket, to, request)
    if "ETag" not in answer.get("CopyObjectResult", {}):
        raise StorageUnavailable("S3 broke off a copy.")


def _create_only(
    bucket: Bucket, to: str, request: dict[str, Any]
) -> CopyObjectOutputTypeDef:
    """Send the request so that it replaces nothing.

    Not every S3 knows that condition on a copy. A look beforehand is nearly as
    good, since no URL for ``to`` exists: only another copy could come between.
    """
    try:
        return bucket.client.copy_object(**request, IfNoneMatch="*")
    except ClientError as error:
        if error_code(error) != "NotImplemented":
            raise
    if bucket.head_object(to) is not None:
        raise CopyRefused
    return bucket.client.copy_object(**request)
