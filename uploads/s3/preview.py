"""Prefetches facts and first bytes of many objects with parallel requests."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from uploads.errors import StorageError, StorageUnavailable
from uploads.s3.bucket import Bucket, ObjectFacts
from uploads.s3.once import OncePerProcess
from uploads.s3.reading import read_object, read_start

LANES = 8
"""Parallel requests of one caller."""

MAX_LANES = 32
"""Threads in one process that send requests. boto3's pool has more connections."""


@dataclass(frozen=True)
class Preview:
    """The prefetched facts and first bytes of one object."""

    facts: ObjectFacts | None
    head: bytes


@dataclass(frozen=True)
class _Seen:
    """The answer to one request about an object."""

    facts: ObjectFacts | None = None
    head: bytes = b""
    etag: str = ""


_Look = Callable[[Bucket, str, int], _Seen]


@OncePerProcess
def _lanes() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MAX_LANES, thread_name_prefix="s3")


def preview_objects(
    bucket: Bucket,
    keys: Iterable[str],
    *,
    head_bytes: int,
    sizes: Mapping[str, int] | None = None,
) -> dict[str, Preview]:
    """Request the previews of ``keys`` in parallel and return them.

    ``sizes`` are the expected sizes of the objects. An object of up to ``head_bytes``
    takes one request. A larger object takes two parallel requests. The result has no
    entry for a key whose request failed. A later request for this key gets the error.
    """
    looks = {
        key: _looks_for((sizes or {}).get(key), head_bytes)
        for key in dict.fromkeys(keys)
    }
    waiting = deque((key, look) for key, all_of in looks.items() for look in all_of)
    seen: dict[tuple[str, _Look], _Seen] = {}

    def work() -> None:
        while True:
            try:
                key, look = waiting.popleft()
            except IndexError:
                return
            try:
                seen[key, look] = look(bucket, key, head_bytes)
            except StorageError:
                continue

    # This thread sends requests too, so it progresses while the pool is busy.
    lanes = [_lanes().submit(work) for _ in range(min(LANES, len(waiting)) - 1)]
    work()
    for lane in lanes:
        if not lane.cancel():
            lane.result()
    found = {
        key: _preview([seen.get((key, look)) for look in all_of])
        for key, all_of in looks.items()
    }
    return {key: preview for key, preview in found.items() if preview is not None}


def _looks_for(byte_size: int | None, head_bytes: int) -> tuple[_Look, ...]:
    """Return the requests for an object. The request for its facts comes first."""
    if byte_size == 0 or head_bytes < 1:
        return (_facts,)
    if byte_size is not None and byte_size <= head_bytes:
        return (_whole,)
    # S3 returns the checksum with a whole object only, never with a range.
    return (_facts, _start)


def _facts(bucket: Bucket, key: str, head_bytes: int) -> _Seen:
    return _Seen(facts=bucket.head_object(key))


def _start(bucket: Bucket, key: str, head_bytes: int) -> _Seen:
    etag, head = read_start(bucket, key, head_bytes)
    return _Seen(head=head, etag=etag)


def _whole(bucket: Bucket, key: str, head_bytes: int) -> _Seen:
    whole = read_object(bucket, key, max_bytes=head_bytes)
    if whole is None:
        return _Seen()
    facts, head = whole
    if facts.checksum_sha256 is None:
        # Some servers return checksums only in answers to HEAD.
        told = bucket.head_object(key)
        if told is None or told.etag != facts.etag:
            raise StorageUnavailable("The object was replaced while it was read.")
        facts = told
    return _Seen(facts, head, facts.etag)


def _preview(seen: list[_Seen | None]) -> Preview | None:
    """Join the answers about one object; return None if they do not fit together."""
    told = [one for one in seen if one is not None]
    if len(told) < len(seen):
        return None
    facts, last = told[0].facts, told[-1]
    if facts is None or not facts.byte_size:
        return Preview(facts, b"")
    if last.head and last.etag != facts.etag:
        return None
    return Preview(facts, last.head)


class PreviewedBucket:
    """A bucket that answers from previews if possible, and otherwise asks S3."""

    def __init__(self, bucket: Bucket, previews: dict[str, Preview]) -> None:
        self._bucket = bucket
        self._previews = previews

    def head_object(self, key: str) -> ObjectFacts | None:
        """Return the facts of an object, or None if the object does not exist."""
        seen = self._previews.get(key)
        return seen.facts if seen else self._bucket.head_object(key)

    def read_range(self, key: str, start: int, length: int, *, etag: str) -> bytes:
        """Return up to ``length`` bytes from ``start`` of the object with that ETag."""
        seen = self.seen_range(key, start, length, etag=etag)
        if seen is not None:
            return seen
        return self._bucket.read_range(key, start, length, etag=etag)

    def seen_facts(self, key: str) -> ObjectFacts | None:
        """Return the facts from the preview, or None; sends no request."""
        seen = self._previews.get(key)
        return seen.facts if seen else None

    def seen_range(
        self, key: str, start: int, length: int, *, etag: str
    ) -> bytes | None:
        """Return a range from the preview, or None; sends no request."""
        seen = self._previews.get(key)
        if seen and seen.facts and seen.facts.etag == etag:
            end = start + length
            if end <= len(seen.head) or len(seen.head) == seen.facts.byte_size:
                return seen.head[start:end]
        return None
