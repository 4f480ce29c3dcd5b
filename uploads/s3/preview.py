"""A bucket that was asked beforehand: many objects at once, for the price of the slowest."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from uploads.errors import StorageError
from uploads.s3.bucket import Bucket, ObjectFacts

LANES = 8
"""Requests at once: well below the client's pool of connections."""


@dataclass(frozen=True)
class Preview:
    """What was seen of one object: its facts, and its first bytes if there are any."""

    facts: ObjectFacts | None
    head: bytes


def preview_objects(
    bucket: Bucket, keys: Iterable[str], *, head_bytes: int
) -> dict[str, Preview]:
    """Return what the bucket says of ``keys``, asked in parallel.

    A key that S3 did not answer for is left out: whoever needs it asks again, and
    gets the error.
    """

    def look(key: str) -> tuple[str, Preview] | None:
        try:
            facts = bucket.head_object(key)
            head = b""
            if facts is not None:
                length = min(head_bytes, facts.byte_size)
                head = bucket.read_range(key, 0, length, etag=facts.etag)
        except StorageError:
            return None
        return key, Preview(facts, head)

    with ThreadPoolExecutor(LANES) as pool:
        return dict(filter(None, pool.map(look, keys)))


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
