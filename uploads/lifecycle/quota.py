"""Quota: reserve, commit, release. Each is one UPDATE that counts for itself."""

from __future__ import annotations

from dataclasses import dataclass
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


def _admit(owner: Any, byte_size: int) -> bool:
    defaults = options()
    limit_bytes = Coalesce(F("limit_bytes"), Value(defaults.default_quota_bytes))
    max_files = Coalesce(F("max_files"), Value(defaults.default_max_files))
    max_open = Coalesce(F("max_open"), Value(defaults.max_open))
    admitted = StorageQuota.objects.filter(
        user=owner,
        used_bytes__lte=limit_bytes - F("reserved_bytes") - byte_size,
        file_count__lt=max_files - F("reserved_files"),
        reserved_files__lt=max_open,
    ).update(
        reserved_bytes=F("reserved_bytes") + byte_size,
        reserved_files=F("reserved_files") + 1,
    )
    return bool(admitted)


def settle(
    owner: Any,
    byte_size: int,
    *,
    before: State,
    after: State,
    true_size: int | None = None,
) -> None:
    """Move an upload's bytes to where its new state counts them.

    Call it in the transaction of the transition: commit (reserved to used),
    release (reserved to nothing) and give back (used to nothing) are all the
    difference between what the two states hold. ``true_size`` is what counts from
    now on where less has come than the ``byte_size`` that was reserved. More than
    that was never admitted, and raises ValueError.
    """
    size = byte_size if true_size is None else true_size
    if size > byte_size:
        raise ValueError(f"{size} bytes have come where {byte_size} were reserved.")
    changes = {
        "used_bytes": (after in USING) * size - (before in USING) * byte_size,
        "file_count": (after in USING) - (before in USING),
        "reserved_bytes": (after in RESERVING) * size
        - (before in RESERVING) * byte_size,
        "reserved_files": (after in RESERVING) - (before in RESERVING),
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
