"""Quota: reserve, commit, release. Each is one UPDATE that counts for itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import F, Value
from django.db.models.functions import Coalesce

from uploads.conf import options
from uploads.errors import QuotaExceeded
from uploads.models import StorageQuota
from uploads.states import RESERVING, USING, State


@dataclass(frozen=True)
class Usage:
    """A user's quota as it stands; sizes in bytes."""

    limit_bytes: int
    used_bytes: int
    reserved_bytes: int
    file_count: int
    reserved_files: int
    max_files: int
    max_open: int

    @property
    def free_bytes(self) -> int:
        return max(0, self.limit_bytes - self.used_bytes - self.reserved_bytes)

    @property
    def free_files(self) -> int:
        return max(0, self.max_files - self.file_count - self.reserved_files)


def usage(owner: Any) -> Usage:
    """Return what ``owner`` has in use, promised and allowed."""
    row = StorageQuota.objects.filter(user=owner).first() or StorageQuota(user=owner)
    defaults = options()
    return Usage(
        limit_bytes=defaults.default_quota_bytes
        if row.limit_bytes is None
        else row.limit_bytes,
        used_bytes=row.used_bytes,
        reserved_bytes=row.reserved_bytes,
        file_count=row.file_count,
        reserved_files=row.reserved_files,
        max_files=defaults.default_max_files
        if row.max_files is None
        else row.max_files,
        max_open=defaults.max_open if row.max_open is None else row.max_open,
    )


def reserve(owner: Any, byte_size: int) -> None:
    """Promise ``byte_size`` bytes and one file to ``owner``, or raise QuotaExceeded.

    What is promised is also what is open, and has a limit of its own: uploads that
    are begun and left cost rows and requests. Each limit is part of the UPDATE's WHERE: the database lets racers through
    one at a time, and each sees what those before it have taken.
    """
    if _admit(owner, byte_size):
        return
    # The first upload of an account: there is no row to count in yet.
    StorageQuota.objects.bulk_create([StorageQuota(user=owner)], ignore_conflicts=True)
    if not _admit(owner, byte_size):
        raise QuotaExceeded(_explain(usage(owner), byte_size))


def reserve_many(owner: Any, byte_sizes: Sequence[int]) -> list[QuotaExceeded | None]:
    """Reserve each of ``byte_sizes`` in order; return the refusal of each, or None.

    All that fit are one UPDATE. Call it in a transaction.
    """
    if _admit(owner, sum(byte_sizes), files=len(byte_sizes)):
        return [None] * len(byte_sizes)
    StorageQuota.objects.bulk_create([StorageQuota(user=owner)], ignore_conflicts=True)
    # Nobody else changes it from here to the end of the transaction.
    StorageQuota.objects.select_for_update().get(user=owner)
    now = usage(owner)
    refusals: list[QuotaExceeded | None] = []
    for byte_size in byte_sizes:
        fits = (
            byte_size <= now.free_bytes
            and now.free_files > 0
            and now.reserved_files < now.max_open
        )
        if not fits:
            refusals.append(QuotaExceeded(_explain(now, byte_size)))
            continue
        refusals.append(None)
        now = replace(
            now,
            reserved_bytes=now.reserved_bytes + byte_size,
            reserved_files=now.reserved_files + 1,
        )
    admitted = [
        size for size, refusal in zip(byte_sizes, refusals, strict=True) if not refusal
    ]
    if admitted and not _admit(owner, sum(admitted), files=len(admitted)):
        raise QuotaExceeded(_explain(usage(owner), sum(admitted)))
    return refusals


def _admit(owner: Any, byte_size: int, *, files: int = 1) -> bool:
    defaults = options()
    limit_bytes = Coalesce(F("limit_bytes"), Value(defaults.default_quota_bytes))
    max_files = Coalesce(F("max_files"), Value(defaults.default_max_files))
    max_open = Coalesce(F("max_open"), Value(defaults.max_open))
    admitted = StorageQuota.objects.filter(
        user=owner,
        used_bytes__lte=limit_bytes - F("reserved_bytes") - byte_size,
        file_count__lte=max_files - F("reserved_files") - files,
        reserved_files__lte=max_open - files,
    ).update(
        reserved_bytes=F("reserved_bytes") + byte_size,
        reserved_files=F("reserved_files") + files,
    )
    return bool(admitted)


def settle(
    owner: Any,
    byte_size: int,
    *,
    before: State,
    after: State,
    true_size: int | None = None,
    files: int = 1,
) -> None:
    """Move an upload's bytes to where its new state counts them.

    Call it in the transaction of the transition: commit (reserved to used),
    release (reserved to nothing) and give back (used to nothing) are all the
    difference between what the two states hold. ``true_size`` is what counts from
    now on where less has come than the ``byte_size`` that was reserved. More than
    that was never admitted, and raises ValueError. ``byte_size`` may be that of several
    ``files`` together.
    """
    size = byte_size if true_size is None else true_size
    if size > byte_size:
        raise ValueError(f"{size} bytes have come where {byte_size} were reserved.")
    changes = {
        "used_bytes": (after in USING) * size - (before in USING) * byte_size,
        "file_count": files * ((after in USING) - (before in USING)),
        "reserved_bytes": (after in RESERVING) * size
        - (before in RESERVING) * byte_size,
        "reserved_files": files * ((after in RESERVING) - (before in RESERVING)),
    }
    if any(changes.values()):
        StorageQuota.objects.filter(user=owner).update(
            **{name: F(name) + change for name, change in changes.items()}
        )


def _explain(now: Usage, byte_size: int) -> str:
    if not now.free_files:
        return (
            f"The limit of {now.max_files} files is reached: "
            "delete a file, then try again."
        )
    if now.reserved_files >= now.max_open:
        return (
            f"{now.reserved_files} uploads are unfinished, and {now.max_open} may be: "
            "finish or cancel some of them, then try again."
        )
    return (
        f"The file has {byte_size} bytes and {now.free_bytes} of "
        f"{now.limit_bytes} are free: delete a file, then try again."
    )
