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
"""Maximum number of threads that send requests of prefetch_objects in one process.

boto3 keeps up to 50 connections, so connections remain for other calls to S3.
"""


@dataclass(frozen=True)
class Prefetch:
    """Contains facts and first bytes of one object, read before they are needed.

    ``facts`` is None if the object does not exist.
    """

    facts: ObjectFacts | None
    head: bytes


@dataclass(frozen=True)
class _Answer:
    """Contains S3's answer to one request about an object."""

    facts: ObjectFacts | None = None
    head: bytes = b""
    etag: str = ""


_Request = Callable[[Bucket, str, int], _Answer]


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
    ``head_bytes``, one request suffices. For all other objects, this function sends two
    parallel requests. If a request for a key fails, the result has no entry for this
    key. PrefetchedBucket then asks S3 again for the object, and raises an error if this
    request fails too.
    """
    requests = {
        key: _requests_for((sizes or {}).get(key), head_bytes)
        for key in dict.fromkeys(keys)
    }
    waiting = deque((key, send) for key, sends in requests.items() for send in sends)
    answers: dict[tuple[str, _Request], _Answer] = {}

    def work() -> None:
        while True:
            try:
                key, send = waiting.popleft()
            except IndexError:
                return
            try:
                answers[key, send] = send(bucket, key, head_bytes)
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
        key: _prefetch([answers.get((key, send)) for send in sends])
        for key, sends in requests.items()
    }
    return {key: prefetch for key, prefetch in found.items() if prefetch is not None}


def _requests_for(byte_size: int | None, head_bytes: int) -> tuple[_Request, ...]:
    """Return the requests for an object. The first request returns the facts."""
    if byte_size == 0 or head_bytes < 1:
        return (_facts,)
    if byte_size is not None and byte_size <= head_bytes:
        return (_whole,)
    # Two requests are necessary, because S3 returns no checksum for a range.
    return (_facts, _start)


def _facts(bucket: Bucket, key: str, head_bytes: int) -> _Answer:
    return _Answer(facts=bucket.head_object(key))


def _start(bucket: Bucket, key: str, head_bytes: int) -> _Answer:
    etag, head = read_start(bucket, key, head_bytes)
    return _Answer(head=head, etag=etag)


def _whole(bucket: Bucket, key: str, head_bytes: int) -> _Answer:
    whole = read_object(bucket, key, max_bytes=head_bytes)
    if whole is None:
        return _Answer()
    facts, head = whole
    if not any(one.of(facts) for one in ALL):
        # Some servers return the checksum only for HEAD requests.
        told = bucket.head_object(key)
        if told is None or told.etag != facts.etag:
            raise StorageUnavailable("The object was replaced while it was read.")
        facts = told
    return _Answer(facts, head, facts.etag)


def _prefetch(answers: list[_Answer | None]) -> Prefetch | None:
    """Combine the responses about one object into one Prefetch.

    Returns None if a request failed, or if the ETags show two different objects.
    """
    told = [one for one in answers if one is not None]
    if len(told) < len(answers):
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
        found = self._prefetches.get(key)
        return found.facts if found else self._bucket.head_object(key)

    def read_range(self, key: str, start: int, length: int, *, etag: str) -> bytes:
        """Return up to ``length`` bytes from ``start`` of the object with this ETag."""
        found = self.prefetched_range(key, start, length, etag=etag)
        if found is not None:
            return found
        return self._bucket.read_range(key, start, length, etag=etag)

    def prefetched_facts(self, key: str) -> ObjectFacts | None:
        """Return the facts from the prefetch, or None. Sends no request to S3."""
        found = self._prefetches.get(key)
        return found.facts if found else None

    def prefetched_range(
        self, key: str, start: int, length: int, *, etag: str
    ) -> bytes | None:
        """Return a range from the prefetch, or None. Sends no request to S3."""
        found = self._prefetches.get(key)
        if found and found.facts and found.facts.etag == etag:
            end = start + length
            if end <= len(found.head) or len(found.head) == found.facts.byte_size:
                return found.head[start:end]
        return None
