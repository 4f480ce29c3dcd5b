"""Hashes stored objects. It reads them in small pieces, so it needs little memory."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

from uploads.errors import StorageUnavailable
from uploads.s3.checksums import SHA256, Checksums, Hash
from uploads.s3.failures import translated

if TYPE_CHECKING:
    from uploads.s3.bucket import Bucket

RANGE_BYTES = 32 * 1024**2
"""Number of bytes that one request reads.

If the connection breaks, hash_range repeats only the request for this range.
"""
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
    checksums: Checksums = SHA256,
) -> bytes:
    """Return the raw checksum of ``length`` bytes from ``start``.

    Calls ``pay`` before each request, with the number of bytes of the request. ``pay``
    can raise an exception to stop the hashing. Raises StorageUnavailable if S3 fails
    twice for a range, if the object ends too early, or if its ETag is not ``etag``.
    """
    digest, end = checksums.new(), start + length
    for position in range(start, end, RANGE_BYTES):
        size = min(RANGE_BYTES, end - position)
        pay(size)
        digest = _hashed(bucket, key, position, size, etag, digest)
    return digest.digest()


def _hashed(
    bucket: Bucket, key: str, start: int, length: int, etag: str, digest: Hash
) -> Hash:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _read(bucket, key, start, length, etag, digest.copy())
        except StorageUnavailable:
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def _read(
    bucket: Bucket, key: str, start: int, length: int, etag: str, digest: Hash
) -> Hash:
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
        raise StorageUnavailable(
            "S3 sent fewer bytes of the object than the site requested. Try again."
        )
    return digest
