"""Copies an object inside the bucket, so that its bytes never leave S3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from uploads.errors import CopyRefused, StorageUnavailable
from uploads.s3.bucket import Bucket
from uploads.s3.failures import error_code, translated

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CopyObjectOutputTypeDef

MAX_COPY = 5 * 1000**3
"""Maximum bytes of one CopyObject. Source: the CopyObject reference, 5 GB."""

_REFUSALS = {
    "ConditionalRequestConflict": CopyRefused,
    "NoSuchKey": CopyRefused,
    "PreconditionFailed": CopyRefused,
}


def copy_object(
    bucket: Bucket, source: str, to: str, *, etag: str, content_type: str
) -> None:
    """Copy the object ``source`` to the key ``to``, if the source still has ``etag``.

    The copy has the headers of an upload, not those of the source. Raises
    CopyRefused if ``source`` was deleted or replaced, or if ``to`` already exists.
    Raises StorageUnavailable for other failures and for more than MAX_COPY bytes.
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
        raise StorageUnavailable("S3 did not finish a copy.")


def _create_only(
    bucket: Bucket, to: str, request: dict[str, Any]
) -> CopyObjectOutputTypeDef:
    """Copy only if the key ``to`` has no object.

    Some servers do not support If-None-Match on a copy. Then the key is checked
    before the copy. Only another copy can win this race, because no URL for ``to``
    exists.
    """
    try:
        return bucket.client.copy_object(**request, IfNoneMatch="*")
    except ClientError as error:
        if error_code(error) != "NotImplemented":
            raise
    if bucket.head_object(to) is not None:
        raise CopyRefused
    return bucket.client.copy_object(**request)
