"""Reads the facts and the first bytes of many objects with parallel requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from botocore.exceptions import ClientError

from uploads.errors import StorageUnavailable
from uploads.s3.bucket import Bucket, ObjectFacts
from uploads.s3.checksums import ALL
from uploads.s3.facts import object_facts
from uploads.s3.failures import error_code
from uploads.s3.reading import NO_SUCH_BYTE, WITH_CHECKSUM, is_whole, range_header
from uploads.s3.requesting import Answer, Outcome, Read

_NO_SUCH_HEAD = frozenset({"404"})
_NO_SUCH_OBJECT = _NO_SUCH_HEAD | {"NoSuchKey"}


@dataclass(frozen=True)
class Prefetch:
    """Contains facts and first bytes of one object, read before they are needed.

    ``facts`` is None if the object does not exist.
    """

    facts: ObjectFacts | None
    head: bytes


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
    outcomes = _outcomes(
        bucket,
        {
            key: _reads_of(key, (sizes or {}).get(key), head_bytes)
            for key in dict.fromkeys(keys)
        },
    )
    # Some servers return the checksum only for HEAD requests.
    without = [key for key, some in outcomes.items() if _lacks_checksum(some)]
    facts = _outcomes(bucket, {key: [_facts_of(key)] for key in without})
    for key, some in facts.items():
        outcomes[key] = some + outcomes[key]
    found = {key: _prefetch(some, head_bytes) for key, some in outcomes.items()}
    return {key: prefetch for key, prefetch in found.items() if prefetch is not None}


def _reads_of(key: str, byte_size: int | None, head_bytes: int) -> list[Read]:
    """Return the requests for an object. The first request returns the facts."""
    if byte_size == 0 or head_bytes < 1:
        return [_facts_of(key)]
    if byte_size is not None and byte_size <= head_bytes:
        return [Read("GetObject", key, WITH_CHECKSUM, head_bytes)]
    # Two requests are necessary, because S3 returns no checksum for a range.
    start = Read("GetObject", key, range_header(0, head_bytes), head_bytes)
    return [_facts_of(key), start]


def _facts_of(key: str) -> Read:
    return Read("HeadObject", key, WITH_CHECKSUM)


def _outcomes(
    bucket: Bucket, reads: Mapping[str, list[Read]]
) -> dict[str, list[Outcome]]:
    """Send the requests, and return their outcomes by key."""
    sent = [read for some in reads.values() for read in some]
    outcomes = bucket.requests.send_many(sent) if sent else []
    # S3 also answers 404 to HEAD if the bucket does not exist.
    if any(_is_refused(outcome, _NO_SUCH_HEAD) for outcome in outcomes):
        try:
            bucket.check()
        except StorageUnavailable:
            outcomes = [None] * len(sent)
    by_key: dict[str, list[Outcome]] = {key: [] for key in reads}
    for read, outcome in zip(sent, outcomes, strict=True):
        by_key[read.key].append(outcome)
    return by_key


def _is_refused(outcome: Outcome, codes: Set[str]) -> bool:
    return isinstance(outcome, ClientError) and error_code(outcome) in codes


def _lacks_checksum(outcomes: list[Outcome]) -> bool:
    """Return whether the answer to a request for a whole object has no checksum."""
    [answer, *others] = outcomes
    return (
        not others
        and isinstance(answer, Answer)
        and bool(answer.body)
        and not any(one.header in answer.headers for one in ALL)
    )


def _prefetch(outcomes: list[Outcome], head_bytes: int) -> Prefetch | None:
    """Combine the outcomes about one object into one Prefetch.

    Returns None if a request failed, or if the ETags show two different objects.
    """
    first, last = outcomes[0], outcomes[-1]
    is_missing = _is_refused(last, _NO_SUCH_OBJECT | NO_SUCH_BYTE)
    if _is_refused(first, _NO_SUCH_OBJECT) and is_missing:
        return Prefetch(None, b"")
    if not isinstance(first, Answer):
        return None
    try:
        facts = object_facts(first.headers)
        if is_missing or (isinstance(last, Answer) and not last.body):
            return Prefetch(facts, b"")
        if not isinstance(last, Answer) or not is_whole(last, head_bytes):
            return None
    except (KeyError, ValueError):  # S3 did not send the length or the ETag
        return None
    is_same = last.headers.get("etag") == facts.etag
    return Prefetch(facts, last.body) if is_same else None


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
