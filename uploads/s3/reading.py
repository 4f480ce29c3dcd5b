"""Reads facts and bytes of objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from uploads.errors import StorageUnavailable
from uploads.s3.facts import ObjectFacts, object_facts
from uploads.s3.failures import error_code, translated

if TYPE_CHECKING:
    from uploads.s3.bucket import Bucket
    from uploads.s3.requesting import Answer

WITH_CHECKSUM = {"x-amz-checksum-mode": "ENABLED"}
NO_SUCH_BYTE = frozenset({"InvalidRange", "416"})


def head_object(bucket: Bucket, key: str) -> ObjectFacts | None:
    """Return the facts of an object, or None if the object does not exist.

    Raises StorageUnavailable if S3 fails, or if the bucket does not exist.
    """
    with translated("HeadObject"):
        try:
            answer = bucket.requests.send("HeadObject", key, headers=WITH_CHECKSUM)
        except ClientError as error:
            if error_code(error) != "404":
                raise
            # S3 also answers 404 if the bucket does not exist. HeadBucket then raises
            # an error.
            bucket.client.head_bucket(**bucket.target)
            return None
    return object_facts(answer.headers)


def read_range(
    bucket: Bucket, key: str, start: int, length: int, *, etag: str | None = None
) -> bytes:
    """Return up to ``length`` bytes from ``start``, fewer if the object ends first.

    With ``etag``, raises StorageUnavailable if the object now has another ETag.
    """
    if length < 1:
        return b""
    headers = range_header(start, length)
    if etag:
        headers["if-match"] = etag
    with translated("GetObject"):
        try:
            answer = bucket.requests.send(
                "GetObject", key, headers=headers, max_bytes=length
            )
        except ClientError as error:
            if error_code(error) in NO_SUCH_BYTE:
                return b""
            raise
    if not is_whole(answer, length):
        raise StorageUnavailable(
            "S3 sent fewer bytes of the object than the site requested. Try again."
        )
    if etag and answer.headers.get("etag") != etag:  # some servers ignore If-Match
        raise StorageUnavailable("The object was replaced while it was read.")
    return answer.body


def range_header(start: int, length: int) -> dict[str, str]:
    """Return the header that requests ``length`` bytes from ``start``."""
    return {"range": f"bytes={start}-{start + length - 1}"}


def is_whole(answer: Answer, length: int) -> bool:
    """Return whether the body has ``length`` bytes, or ends with the object."""
    return len(answer.body) >= min(length, int(answer.headers["content-length"]))
