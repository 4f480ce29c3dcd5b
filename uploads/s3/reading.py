"""Reads facts and bytes of objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from uploads.errors import StorageUnavailable
from uploads.s3.facts import ObjectFacts, object_facts
from uploads.s3.failures import error_code, translated

if TYPE_CHECKING:
    from uploads.s3.bucket import Bucket

_WITH_CHECKSUM = {"x-amz-checksum-mode": "ENABLED"}
_NO_SUCH_BYTE = frozenset({"InvalidRange", "416"})


def head_object(bucket: Bucket, key: str) -> ObjectFacts | None:
    """Return the facts of an object, or None if the object does not exist.

    Raises StorageUnavailable if S3 fails, or if the bucket does not exist.
    """
    with translated("HeadObject"):
        try:
            answer = bucket.requests.send("HeadObject", key, headers=_WITH_CHECKSUM)
        except ClientError as error:
            if error_code(error) != "404":
                raise
            # S3 also answers 404 if the bucket does not exist. HeadBucket then raises
            # an error.
            bucket.client.head_bucket(**bucket.target)
            return None
    return object_facts(answer.headers)


def read_object(
    bucket: Bucket, key: str, *, max_bytes: int
) -> tuple[ObjectFacts, bytes] | None:
    """Return an object's facts and its first ``max_bytes``.

    Returns None if the object does not exist. The request has no range, because S3
    returns no checksum for a range. Raises StorageUnavailable if S3 fails.
    """
    with translated("GetObject"):
        try:
            answer = bucket.requests.send(
                "GetObject", key, headers=_WITH_CHECKSUM, max_bytes=max_bytes
            )
        except ClientError as error:
            if error_code(error) != "NoSuchKey":
                raise
            return None
    facts = object_facts(answer.headers)
    _require_whole(answer.body, min(max_bytes, facts.byte_size))
    return facts, answer.body


def read_range(
    bucket: Bucket, key: str, start: int, length: int, *, etag: str | None = None
) -> tuple[str, bytes]:
    """Return the object's ETag and up to ``length`` bytes from ``start``.

    Returns an empty ETag and no bytes if the object ends before ``start``. With
    ``etag``, raises StorageUnavailable if the object now has another ETag.
    """
    if length < 1:
        return "", b""
    return _range(bucket, key, start, length, etag, _NO_SUCH_BYTE)


def read_start(bucket: Bucket, key: str, length: int) -> tuple[str, bytes]:
    """Return the object's ETag and its first ``length`` bytes.

    Returns an empty ETag and no bytes if the object is empty or does not exist.
    """
    return _range(bucket, key, 0, length, None, _NO_SUCH_BYTE | {"NoSuchKey"})


def _range(
    bucket: Bucket,
    key: str,
    start: int,
    length: int,
    etag: str | None,
    is_nothing: frozenset[str],
) -> tuple[str, bytes]:
    headers = {"range": f"bytes={start}-{start + length - 1}"}
    if etag:
        headers["if-match"] = etag
    with translated("GetObject"):
        try:
            answer = bucket.requests.send(
                "GetObject", key, headers=headers, max_bytes=length
            )
        except ClientError as error:
            if error_code(error) in is_nothing:
                return "", b""
            raise
    _require_whole(answer.body, min(length, int(answer.headers["Content-Length"])))
    found = answer.headers.get("ETag", "")
    if etag and found != etag:  # some servers ignore If-Match
        raise StorageUnavailable("The object was replaced while it was read.")
    return found, answer.body


def _require_whole(found: bytes, byte_count: int) -> None:
    if len(found) < byte_count:
        raise StorageUnavailable(
            "S3 sent fewer bytes of the object than the site requested. Try again."
        )
