"""Proof that the stored bytes are the declared ones.

The storage proves it if two conditions hold: a doctor has seen that this bucket
compares bytes with their signed SHA-256, and the storage returns that SHA-256 for the
object. Otherwise the site reads the object back and hashes it. An object of several
parts is compared part by part.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from uploads.conf import ALWAYS, NEEDED, options
from uploads.inspection.budget import Budget, OverBudget
from uploads.lifecycle.capabilities import capabilities
from uploads.lifecycle.claims import lease_of
from uploads.lifecycle.judging import Objects
from uploads.lifecycle.part_checksums import announced, composite
from uploads.models import Upload
from uploads.s3.bucket import ObjectFacts, get_bucket
from uploads.s3.hashing import hash_range
from uploads.s3.part_plan import PartPlan
from uploads.s3.preview import PreviewedBucket
from uploads.states import State, Transport, VerifiedBy

CAUSE = "checksum_differs"
WORDS = "The stored bytes are not the declared ones: their SHA-256 is another."
SAVE_SECONDS = 30
"""How often a long comparison writes down how many parts it has done."""


class BytesDiffer(Exception):  # noqa: N818  as in errors.py
    """The stored bytes are not the declared ones."""


@dataclass(frozen=True)
class Pace:
    """How much may be read now.

    ``pay`` is called with a number of bytes before each request. At ``stop_at`` a
    comparison ends behind the part that it has read, and the next one continues.
    """

    pay: Callable[[int], None]
    stop_at: float


def proof_of_storage(upload: Upload, facts: ObjectFacts, expected: str) -> str:
    """Return ``storage`` if the storage has compared the bytes, else ``""``.

    ``expected`` is the checksum that the object must have. It is empty where nobody
    declared one; then the storage's own checksum counts.
    """
    stated = facts.checksum_sha256
    is_stated = bool(stated) and (not expected or stated == expected)
    if is_stated and capabilities().compares_bytes(upload.transport):
        return VerifiedBy.STORAGE.value
    return ""


def needs_read_back(verified_by: str) -> bool:
    """Return whether the site has still to read the object."""
    if options().read_back == ALWAYS:
        return verified_by != VerifiedBy.READ_BACK
    return options().read_back == NEEDED and not verified_by


def read_back_inline(
    upload: Upload, objects: Objects, budget: Budget
) -> dict[str, Any]:
    """Compare the stored bytes inside a request; return what the row records of it.

    Raises BytesDiffer, StorageUnavailable, and OverBudget for an object that has to be
    left to the background.
    """
    if not needs_read_back(upload.checksum_verified_by):
        return {}
    pace = Pace(pay=lambda _: budget.check(), stop_at=float("inf"))
    with budget.running():
        budget.spend(upload.byte_size)
        return _compared(upload, objects, pace)


def read_back_in_background(upload: Upload, objects: Objects) -> None:
    """Compare the stored bytes and record it at once.

    The inspectors may be unavailable afterwards, and the next attempt must not read
    everything again. Raises BytesDiffer, StorageUnavailable, and OverBudget when half
    of the lease is over; the parts that were compared are not read again.
    """
    if not needs_read_back(upload.checksum_verified_by):
        return
    stop_at = time.monotonic() + lease_of(upload).total_seconds() / 2
    found = _compared(upload, objects, Pace(pay=lambda _: None, stop_at=stop_at))
    _record(upload, **found)


def proved_in_memory(
    upload: Upload, content: bytes | None, verified_by: str
) -> dict[str, Any] | None:
    """Compare an object's ``content``; None if it has not been read or differs."""
    if not needs_read_back(verified_by):
        return {"checksum_verified_by": verified_by}
    if content is None:
        return None
    return _agreed(upload.checksum_sha256, _sha256(content))


def _compared(upload: Upload, objects: Objects, pace: Pace) -> dict[str, Any]:
    if upload.transport == Transport.MULTIPART:
        return _compare_parts(upload, pace)
    found = _agreed(upload.checksum_sha256, _hash_whole(upload, objects, pace))
    if found is None:
        raise BytesDiffer
    return found


def _agreed(declared: str, digest: bytes) -> dict[str, Any] | None:
    """Return what the row records; None if something else was declared.

    A plain form declares nothing. Then the result is the first checksum of the file.
    """
    found = base64.b64encode(digest).decode()
    if declared not in {"", found}:
        return None
    return {
        "checksum_verified_by": VerifiedBy.READ_BACK.value,
        "object_checksum": found,
    }


def _hash_whole(upload: Upload, objects: Objects, pace: Pace) -> bytes:
    key, etag, size = upload.key, upload.etag, upload.byte_size
    if isinstance(objects, PreviewedBucket):
        seen = objects.seen_range(key, 0, size, etag=etag)
        if seen is not None and len(seen) == size:
            return _sha256(seen)
    return hash_range(get_bucket(), key, 0, size, etag=etag, pay=pace.pay)


def _compare_parts(upload: Upload, pace: Pace) -> dict[str, Any]:
    """Compare the parts that were not compared yet, in order.

    Without all announced hashes there is nothing to compare with. Then the row records
    that nobody has verified the bytes.
    """
    expected = announced(upload)
    if not expected:
        return {}
    plan = PartPlan(byte_size=upload.byte_size, part_size=upload.part_size)
    bucket, saved_at = get_bucket(), time.monotonic()
    for number in range(upload.verified_parts + 1, upload.part_count + 1):
        found = hash_range(
            bucket,
            upload.key,
            (number - 1) * upload.part_size,
            plan.byte_size_of(number),
            etag=upload.etag,
            pay=pace.pay,
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
        "object_checksum": composite(expected),
    }


def _record(upload: Upload, **found: Any) -> None:
    if not found:
        return
    same = Upload.objects.filter(pk=upload.pk, state=State.INSPECTING, etag=upload.etag)
    same.update(**found)
    for name, value in found.items():
        setattr(upload, name, value)


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
