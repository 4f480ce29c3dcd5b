"""Proves that the stored bytes have the declared checksum.

The site trusts the storage if two conditions are true. First, the doctor has seen that
this bucket refuses bytes that do not match their signed checksum. Second, the storage
returns the declared checksum for the object. Otherwise the site reads the object back
and computes the checksum. It compares a multipart object part by part.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from uploads.conf import ALWAYS, NEEDED, options
from uploads.inspection.budget import Budget, OverBudget
from uploads.lifecycle.capabilities import capabilities
from uploads.lifecycle.checksums import checksums_of, declared_checksum
from uploads.lifecycle.claims import lease_of
from uploads.lifecycle.judging import Objects
from uploads.lifecycle.multipart import plan_of
from uploads.lifecycle.part_checksums import announced, joined
from uploads.models import Upload
from uploads.s3.bucket import ObjectFacts, get_bucket
from uploads.s3.checksums import encoded
from uploads.s3.hashing import hash_range
from uploads.s3.prefetch import PrefetchedBucket
from uploads.states import State, Transport, VerifiedBy

CAUSE = "checksum_differs"
WORDS = (
    "The checksum of the stored file differs from the checksum that is recorded for "
    "this upload. Upload the file again."
)
SAVE_SECONDS = 30
"""A long comparison records its progress in the row at this interval."""


class BytesDiffer(Exception):  # noqa: N818  as in errors.py
    """The stored bytes do not have the declared checksum."""


@dataclass(frozen=True)
class Pace:
    """The limits of a comparison.

    The comparison calls ``pay`` with the number of bytes before each request to S3.
    When the time ``stop_at`` (a value of ``time.monotonic``) has passed, the comparison
    finishes the current part and ends.
    """

    pay: Callable[[int], None]
    stop_at: float


def proof_of_storage(upload: Upload, facts: ObjectFacts, expected: str) -> str:
    """Return ``storage`` if the storage has compared the bytes, else ``""``.

    ``expected`` is the checksum that the object must have. If no such checksum is
    known, ``expected`` is empty, and this function accepts any checksum from the
    storage.
    """
    checksums = checksums_of(upload)
    stated = checksums.of(facts)
    is_stated = bool(stated) and (not expected or stated == expected)
    if is_stated and capabilities().compares_bytes(
        upload.transport, checksums.algorithm
    ):
        return VerifiedBy.STORAGE.value
    return ""


def needs_read_back(verified_by: str) -> bool:
    """Return whether the site has to read the object and compute its checksum."""
    if options().read_back == ALWAYS:
        return verified_by != VerifiedBy.READ_BACK
    return options().read_back == NEEDED and not verified_by


def read_back_inline(
    upload: Upload, objects: Objects, budget: Budget
) -> dict[str, Any]:
    """Compare the stored bytes inside a request; return new values for the row.

    Raises BytesDiffer, StorageUnavailable. Raises OverBudget if the object is too large
    for a request. A background process then has to compare its bytes.
    """
    if not needs_read_back(upload.checksum_verified_by):
        return {}
    pace = Pace(pay=lambda _: budget.check(), stop_at=float("inf"))
    with budget.running():
        budget.spend(upload.byte_size)
        return _compared(upload, objects, pace)


def read_back_in_background(upload: Upload, objects: Objects) -> None:
    """Compare the stored bytes, and record the result in the row at once.

    So if an inspector is unavailable after the comparison, the next attempt need not
    read the object again. Raises BytesDiffer, StorageUnavailable. For a multipart
    object, raises OverBudget when half of the lease has passed, so that the lease does
    not expire during the comparison. The next attempt continues after the last compared
    part.
    """
    if not needs_read_back(upload.checksum_verified_by):
        return
    stop_at = time.monotonic() + lease_of(upload).total_seconds() / 2
    found = _compared(upload, objects, Pace(pay=lambda _: None, stop_at=stop_at))
    _record(upload, **found)


def proved_in_memory(
    upload: Upload, content: bytes | None, verified_by: str
) -> dict[str, Any] | None:
    """Compare an object that is in memory; return new values for the row.

    If the site need not read the object back, this function compares nothing and
    returns ``verified_by``. Otherwise it returns None if ``content`` is None or does
    not have the declared checksum.
    """
    if not needs_read_back(verified_by):
        return {"checksum_verified_by": verified_by}
    if content is None:
        return None
    return _agreed(upload, checksums_of(upload).raw(content))


def _compared(upload: Upload, objects: Objects, pace: Pace) -> dict[str, Any]:
    if upload.transport == Transport.MULTIPART:
        return _compare_parts(upload, pace)
    found = _agreed(upload, _hash_whole(upload, objects, pace))
    if found is None:
        raise BytesDiffer
    return found


def _agreed(upload: Upload, digest: bytes) -> dict[str, Any] | None:
    """Return new values for the row, or None if another checksum was declared.

    A plain form declares no checksum. For its file, this function accepts any checksum.
    """
    found = encoded(digest)
    if declared_checksum(upload) not in {"", found}:
        return None
    return {
        "checksum_verified_by": VerifiedBy.READ_BACK.value,
        "object_checksum": found,
    }


def _hash_whole(upload: Upload, objects: Objects, pace: Pace) -> bytes:
    key, etag, size = upload.key, upload.etag, upload.byte_size
    checksums = checksums_of(upload)
    if isinstance(objects, PrefetchedBucket):
        seen = objects.prefetched_range(key, 0, size, etag=etag)
        if seen is not None and len(seen) == size:
            return checksums.raw(seen)
    return hash_range(
        get_bucket(), key, 0, size, etag=etag, pay=pace.pay, checksums=checksums
    )


def _compare_parts(upload: Upload, pace: Pace) -> dict[str, Any]:
    """Compare all parts after ``verified_parts`` in order; return values for the row.

    If the announced checksum of any part is missing, a comparison is impossible. Then
    the result is empty, and ``checksum_verified_by`` in the row does not change.
    """
    expected = announced(upload)
    if not expected:
        return {}
    plan = plan_of(upload)
    bucket, saved_at = get_bucket(), time.monotonic()
    for number in range(upload.verified_parts + 1, upload.part_count + 1):
        found = hash_range(
            bucket,
            upload.key,
            (number - 1) * upload.part_size,
            plan.byte_size_of(number),
            etag=upload.etag,
            pay=pace.pay,
            checksums=checksums_of(upload),
        )
        if found != expected[number - 1]:
            raise BytesDiffer
        now = time.monotonic()
        is_last, is_late = number == upload.part_count, now >= pace.stop_at
        if not is_last and (is_late or now - saved_at >= SAVE_SECONDS):
            _record(upload, verified_parts=number)
            saved_at = now
        if is_late and not is_last:
            raise OverBudget
    return {
        "checksum_verified_by": VerifiedBy.READ_BACK.value,
        "object_checksum": joined(upload, expected),
    }


def _record(upload: Upload, **found: Any) -> None:
    if not found:
        return
    same = Upload.objects.filter(pk=upload.pk, state=State.INSPECTING, etag=upload.etag)
    same.update(**found)
    for name, value in found.items():
        setattr(upload, name, value)
