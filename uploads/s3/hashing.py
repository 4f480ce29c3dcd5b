"""Hashes stored objects range by range, so memory use stays small."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

from uploads.errors import StorageUnavailable
from uploads.s3.failures import translated

if TYPE_CHECKING:
    from hashlib import _Hash

    from uploads.s3.bucket import Bucket

RANGE_BYTES = 32 * 1024**2
"""Bytes per request. If an answer is cut short, only this range is read again."""
CHUNK_BYTES = 1024**2
_ATTEMPTS = 2


def hash_range(
    bucket: Bucket,
    key: str,
    start: int,
    length: int,
    *,
    etag: str,
    pay: Callable[[int], None],
) -> bytes:
    """Return the raw SHA-256 of ``length`` bytes from ``start``.

    ``pay`` is called with the number of bytes before each request. Raises
    StorageUnavailable, also if the object is shorter or has another ETag.
    """
    digest, end = hashlib.sha256(), start + length
    for position in range(start, end, RANGE_BYTES):
        size = min(RANGE_BYTES, end - position)
        pay(size)
        digest = _hashed(bucket, key, position, size, etag, digest)
    return digest.digest()


def _hashed(
    bucket: Bucket, key: str, start: int, length: int, etag: str, digest: _Hash
) -> _Hash:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _read(bucket, key, start, length, etag, digest.copy())
        except StorageUnavailable:
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def _read(
    bucket: Bucket, key: str, start: int, length: int, etag: str, digest: _Hash
) -> _Hash:
    missing = length
    with translated("GetObject"):
        answer = bucket.client.get_object(
            **bucket.target,
            Key=key,
            IfMatch=etag,
            Range=f"bytes={start}-{start + length - 1}",
        )
        with closing(answer["Body"]) as body:
            while missing and (chunk := body.read(min(CHUNK_BYTES, missing))):
                digest.update(chunk)
                missing -= len(chunk)
    if missing:
        raise StorageUnavailable("S3 did not send its whole answer.")
    return digest
