"""Tests the permissions of an identity by calls to S3. It makes each call once.

An identity is a pair of S3 credentials. The signer signs the URLs of uploads. The
worker makes all calls of the running site. Setup configures the bucket.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from uploads.s3.bucket import Bucket
from uploads.s3.configuration import (
    Configuration,
    ConfigurationError,
    Refusal,
    attempt,
)

NO_UPLOAD = "2~doctor-no-such-upload"

MISSING = {"404", "NoSuchKey", "NoSuchUpload", "NoSuchBucketPolicy", "NoSuchVersion"}
"""Error codes that S3 sends if the call is allowed but its target does not exist."""


@dataclass(frozen=True)
class Attempt:
    """Contains the operation of one call, and S3's refusal.

    ``refusal`` is None if S3 allowed the call.
    """

    operation: str
    refusal: Refusal | None = None

    @property
    def is_denied(self) -> bool:
        """Return whether S3 refused the call because a permission is missing."""
        return self.refusal is not None and self.refusal.is_denied


def worker_calls(bucket: Bucket, key: str, body: bytes) -> Iterator[Attempt]:
    """Make the calls that the worker needs, and yield the result of each call.

    The calls create an object, read it, list it and delete it.
    """
    client, place = bucket.client, {**bucket.target, "Key": key}
    calls: dict[str, Callable[[], Any]] = {
        "HeadBucket": lambda: client.head_bucket(**bucket.target),
        "PutObject": lambda: client.put_object(**place, Body=body),
        "HeadObject": lambda: client.head_object(**place),
        "GetObject": lambda: _read(client.get_object(**place)),
        "ListObjectsV2": lambda: client.list_objects_v2(
            **bucket.target, Prefix=key, MaxKeys=1
        ),
        "ListMultipartUploads": lambda: client.list_multipart_uploads(
            **bucket.target, Prefix=key
        ),
        "ListParts": lambda: client.list_parts(**place, UploadId=NO_UPLOAD),
        "AbortMultipartUpload": lambda: client.abort_multipart_upload(
            **place, UploadId=NO_UPLOAD
        ),
        "ListObjectVersions": lambda: client.list_object_versions(
            **bucket.target, Prefix=key
        ),
        "DeleteObject": lambda: client.delete_object(**place),
    }
    for operation, call in calls.items():
        yield _attempt(operation, call)


def signer_calls(bucket: Bucket, key: str) -> Iterator[Attempt]:
    """Make calls that S3 must refuse to the signer, and yield the result of each call.

    The object ``key`` must exist.
    """
    client, place = bucket.client, {**bucket.target, "Key": key}
    calls: dict[str, Callable[[], Any]] = {
        "GetObject": lambda: _read(client.get_object(**place)),
        "ListObjectsV2": lambda: client.list_objects_v2(**bucket.target, MaxKeys=1),
        "DeleteObject": lambda: client.delete_object(**place),
    }
    for operation, call in calls.items():
        yield _attempt(operation, call)


def excess_calls(bucket: Bucket, key_prefix: str) -> Iterator[Attempt]:
    """Make calls that the worker's policy does not allow, and yield each result.

    These calls leave the bucket unchanged, even if S3 allows them.
    """
    if key_prefix:
        key = f"{_OUTSIDE}{secrets.token_hex(8)}"
        place: Any = {**bucket.target, "Key": key}
        yield _attempt(
            f"delete objects outside of {key_prefix}",
            lambda: bucket.client.delete_object(**place),
        )
    settings = Configuration(bucket)
    yield _attempt("read the bucket policy", lambda: settings.read("policy"))


_OUTSIDE = "no-such-object-of-the-doctor-"


def adds_checksums(bucket: Bucket) -> bool:
    """Return whether boto3 adds checksums to requests for which they are optional."""
    config: Any = bucket.client.meta.config
    found = config.request_checksum_calculation
    return bool(found != "when_required")


def _read(answer: Any) -> bytes:
    return bytes(answer["Body"].read())


def _attempt(operation: str, call: Callable[[], Any]) -> Attempt:
    try:
        attempt(operation, call)
    except ConfigurationError as error:
        refusal = error.refusal
        return Attempt(operation, None if refusal.code in MISSING else refusal)
    return Attempt(operation)
