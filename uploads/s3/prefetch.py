"""Reads the facts and the first bytes of many objects with parallel requests."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from uploads.errors import StorageError, StorageUnavailable
from uploads.s3.bucket import Bucket, ObjectFacts
from uploads.s3.checksums import ALL
from uploads.s3.once import OncePerProcess
from uploads.s3.reading import read_object, read_start

LANES = 8
"""Maximum number of parallel requests for one call of prefetch_objects."""

MAX_LANES = 32
"""Maximum number of threads that send these requests in one process.

boto3's pool has 50 connections, so other calls to S3 always get a connection.
"""


@dataclass(frozen=True)
class Prefetch:
    """Contains facts and first bytes of one object, read before they are needed.

    ``facts`` is None if the object does not exist.
    """

    facts: ObjectFacts | None
    head: bytes


@dataclass(frozen=True)
class _Seen:
    """Contains S3's answer to one request about an object."""

    facts: ObjectFacts | None = None
    head: bytes = b""
    etag: str = ""


_Look = Callable[[Bucket, str, int], _Seen]


@OncePerProcess
def _lanes() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MAX_LANES, thread_name_prefix="s3")


def prefetch_objects(
    bucket: Bucket,
    keys: Iterable[str],
    *,
    head_bytes: int,
    sizes: Mapping[str, int] | None = None,
) -> dict[str, Prefetch]:
    """Send the requests for ``keys`` in parallel and return the results by key.

    ``sizes`` are the expected sizes of the objects. For an object of up to
    ``head_bytes``, one request suffices. For a larger object, this function sends two
    parallel requests. If a request for a key fails, the result has no entry for this
    key. PrefetchedBucket then asks S3 again for the object, and raises an error if this
    request fails too.
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

    # The calling thread also sends requests. So the call makes progress even if other
    # calls occupy all threads of the pool.
    lanes = [_lanes().submit(work) for _ in range(min(LANES, len(waiting)) - 1)]
    work()
    for lane in lanes:
        if not lane.cancel():
            lane.result()
    found = {
        key: _prefetch([seen.get((key, look)) for look in all_of])
        for key, all_of in looks.items()
    }
    return {key: prefetch for key, prefetch in found.items() if prefetch is not None}


def _looks_for(byte_size: int | None, head_bytes: int) -> tuple[_Look, ...]:
    """Return the requests for an object. The first request returns the facts."""
    if byte_size == 0 or head_bytes < 1:
        return (_facts,)
    if byte_size is not None and byte_size <= head_bytes:
        return (_whole,)
    # Two requests are necessary, because S3 returns no checksum for a range.
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
    if not any(one.of(facts) for one in ALL):
        # Some servers return the checksum only for HEAD requests.
        told = bucket.head_object(key)
        if told is None or told.etag != facts.etag:
            raise StorageUnavailable("The object was replaced while it was read.")
        facts = told
    return _Seen(facts, head, facts.etag)


def _prefetch(seen: list[_Seen | None]) -> Prefetch | None:
    """Combine the responses about one object into one Prefetch.

    Returns None if a request failed, or if the ETags show two different objects.
    """
    told = [one for one in seen if one is not None]
    if len(told) < len(seen):
        return None
    facts, last = told[0].facts, told[-1]
    if facts is None or not facts.byte_size:
        return Prefetch(facts, b"")
    if last.head and last.etag != facts.etag:
        return None
    return Prefetch(facts, last.head)


class PrefetchedBucket:
    """Returns facts and bytes from prefetches, and asks S3 if a prefetch lacks them."""

    def __init__(self, bucket: Bucket, prefetches: dict[str, Prefetch]) -> None:
        self._bucket = bucket
        self._prefetches = prefetches

    def head_object(self, key: str) -> ObjectFacts | None:
        """Return the facts of an object, or None if the object does not exist."""
        seen = self._prefetches.get(key)
        return seen.facts if seen else self._bucket.head_object(key)

    def read_range(self, key: str, start: int, length: int, *, etag: str) -> bytes:
        """Return up to ``length`` bytes from ``start`` of the object with this ETag."""
        seen = self.seen_range(key, start, length, etag=etag)
        if seen is not None:
            return seen
        return self._bucket.read_range(key, start, length, etag=etag)

    def seen_facts(self, key: str) -> ObjectFacts | None:
        """Return the facts from the prefetch, or None. Sends no request to S3."""
        seen = self._prefetches.get(key)
        return seen.facts if seen else None

    def seen_range(
        self, key: str, start: int, length: int, *, etag: str
    ) -> bytes | None:
        """Return a range from the prefetch, or None. Sends no request to S3."""
        seen = self._prefetches.get(key)
        if seen and seen.facts and seen.facts.etag == etag:
            end = start + length
            if end <= len(seen.head) or len(seen.head) == seen.facts.byte_size:
                return seen.head[start:end]
        return None
