"""A bucket that was asked beforehand: many objects at once, for the price of the slowest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from uploads.errors import StorageError, StorageUnavailable
from uploads.s3.bucket import Bucket, ObjectFacts
from uploads.s3.reading import read_object

LANES = 8
"""Requests at once: well below the client's pool of connections."""


@dataclass(frozen=True)
class Preview:
    """What was seen of one object: its facts, and its first bytes if there are any."""

    facts: ObjectFacts | None
    head: bytes


def preview_objects(
    bucket: Bucket,
    keys: Iterable[str],
    *,
    head_bytes: int,
    sizes: Mapping[str, int] | None = None,
) -> dict[str, Preview]:
    """Return what the bucket says of ``keys``, asked in parallel.

    ``sizes`` are those that the objects should have. An object of up to ``head_bytes``
    takes one read. A key that S3 did not answer for is left out: whoever needs it asks
    again, and gets the error.
    """

    def look(key: str) -> tuple[str, Preview] | None:
        try:
            return key, _look(bucket, key, (sizes or {}).get(key), head_bytes)
        except StorageError:
            return None

    with ThreadPoolExecutor(LANES) as pool:
        return dict(filter(None, pool.map(look, keys)))


def _look(bucket: Bucket, key: str, byte_size: int | None, head_bytes: int) -> Preview:
    if byte_size and byte_size <= head_bytes:
        whole = read_object(bucket, key, max_bytes=head_bytes)
        if whole is None:
            return Preview(None, b"")
        facts, head = whole
        if facts.checksum_sha256 is None:
            # Some servers tell checksums to HEAD only.
            told = bucket.head_object(key)
            if told is None or told.etag != facts.etag:
                raise StorageUnavailable("The object was replaced while it was read.")
            facts = told
        return Preview(facts, head)
    facts_only = bucket.head_object(key)
    if facts_only is None or not facts_only.byte_size:
        return Preview(facts_only, b"")
    length = min(head_bytes, facts_only.byte_size)
    head = bucket.read_range(key, 0, length, etag=facts_only.etag)
    return Preview(facts_only, head)


class PreviewedBucket:
    """A bucket that answers from previews where it can, and asks where it cannot."""

    def __init__(self, bucket: Bucket, previews: dict[str, Preview]) -> None:
        self._bucket = bucket
        self._previews = previews

    def head_object(self, key: str) -> ObjectFacts | None:
        """Return the facts of an object, None if there is none."""
        seen = self._previews.get(key)
        return seen.facts if seen else self._bucket.head_object(key)

    def read_range(self, key: str, start: int, length: int, *, etag: str) -> bytes:
        """Return up to ``length`` bytes from ``start`` of the object with that ETag."""
        seen = self.seen_range(key, start, length, etag=etag)
        if seen is not None:
            return seen
        return self._bucket.read_range(key, start, length, etag=etag)

    def seen_whole(self, key: str) -> tuple[ObjectFacts, bytes] | None:
        """Return the facts and the bytes of an object that the preview holds whole."""
        seen = self._previews.get(key)
        if seen and seen.facts and len(seen.head) == seen.facts.byte_size:
            return seen.facts, seen.head
        return None

    def seen_range(
        self, key: str, start: int, length: int, *, etag: str
    ) -> bytes | None:
        """Return a range without a request; None if the preview does not hold it."""
        seen = self._previews.get(key)
        if seen and seen.facts and seen.facts.etag == etag:
            end = start + length
            if end <= len(seen.head) or len(seen.head) == seen.facts.byte_size:
                return seen.head[start:end]
        return None
