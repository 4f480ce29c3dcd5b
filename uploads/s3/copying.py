"""Copies an object inside the bucket: the bytes never leave S3."""

from __future__ import annotations

from uploads.errors import ObjectExists, StorageUnavailable
from uploads.s3.bucket import Bucket
from uploads.s3.failures import translated

MAX_COPY = 5 * 1000**3
"""Bytes that one CopyObject takes. Source: the CopyObject reference, 5 GB."""


def copy_object(
    bucket: Bucket, source: str, to: str, *, etag: str, content_type: str
) -> None:
    """Copy the object ``source`` to the key ``to``, if it is still the one of ``etag``.

    The copy has the headers of an upload, whatever the source was sent with.
    Raises ObjectExists where ``source`` is another object by now, or ``to`` is
    taken, and StorageUnavailable, also for more than MAX_COPY bytes.
    """
    with translated("CopyObject", {"PreconditionFailed": ObjectExists}):
        answer = bucket.client.copy_object(
            **bucket.target,
            Key=to,
            CopySource={"Bucket": bucket.target["Bucket"], "Key": source},
            CopySourceIfMatch=etag,
            IfNoneMatch="*",
            MetadataDirective="REPLACE",
            ContentType=content_type,
            ContentDisposition="attachment",
            ChecksumAlgorithm="SHA256",
        )
    if "ETag" not in answer.get("CopyObjectResult", {}):
        raise StorageUnavailable("S3 broke off a copy.")
