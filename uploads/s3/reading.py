"""Reads a small object and its facts by one request."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from uploads.errors import StorageUnavailable
from uploads.s3.facts import ObjectFacts, object_facts
from uploads.s3.failures import error_code, translated

if TYPE_CHECKING:
    from uploads.s3.bucket import Bucket


def read_object(
    bucket: Bucket, key: str, *, max_bytes: int
) -> tuple[ObjectFacts, bytes] | None:
    """Return an object's facts and its first ``max_bytes``; None if there is none.

    Without a range, because S3 tells the checksum of a whole answer only. Raises
    StorageUnavailable as the methods of Bucket do.
    """
    with translated("GetObject"):
        try:
            answer = bucket.client.get_object(
                **bucket.target, Key=key, ChecksumMode="ENABLED"
            )
        except ClientError as error:
            if error_code(error) != "NoSuchKey":
                raise
            return None
        with closing(answer["Body"]) as body:
            found = body.read(max_bytes)
    facts = object_facts(answer)
    if len(found) < min(max_bytes, facts.byte_size):
        raise StorageUnavailable("S3 broke off in the middle of an answer.")
    return facts, found
