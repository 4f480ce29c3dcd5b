"""Reserves, commits and releases quota, each with one conditional UPDATE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import connections, router
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from uploads.conf import options
from uploads.errors import QuotaExceeded
from uploads.models import StorageQuota
from uploads.states import RESERVING, USING, State

_ADMIT = """
    UPDATE uploads_storagequota
    SET reserved_bytes = reserved_bytes + %(bytes)s,
        reserved_files = reserved_files + %(files)s
    WHERE user_id = %(user)s
        AND used_bytes
            <= COALESCE(limit_bytes, %(limit_bytes)s) - reserved_bytes - %(bytes)s
        AND file_count
            <= COALESCE(max_files, %(max_files)s) - reserved_files - %(files)s
        AND reserved_files <= COALESCE(max_open, %(max_open)s) - %(files)s
"""
"""Reserves space if it suffices. Sums could exceed the largest integer of PostgreSQL.

Django needs 20 times as long to build this statement as SQLite needs to run it.
"""


@dataclass(frozen=True)
class Usage:
    """The limits of a user's quota and the current use. Sizes are in bytes."""

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
    """Return the used, reserved and allowed bytes and files of ``owner``."""
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
    """Reserve ``byte_size`` bytes and one file for ``owner``, or raise QuotaExceeded.

    Call this function in a transaction.
    """
    [refusal] = reserve_many(owner, [byte_size])
    if refusal:
        raise refusal


def reserve_many(owner: Any, byte_sizes: Sequence[int]) -> list[QuotaExceeded | None]:
    """Reserve each size that fits, in order; return None or an error for each size.

    Unfinished uploads have their own limit (``max_open``), because they cost rows and
    requests even if they are small. The WHERE clause of one UPDATE checks all limits.
    The database runs concurrent updates of a row one after the other, so concurrent
    requests cannot exceed a limit. Call this function in a transaction.
    """
    if _admit(owner, sum(byte_sizes), files=len(byte_sizes)):
        return [None] * len(byte_sizes)
    # An account has no row before its first upload.
    StorageQuota.objects.bulk_create([StorageQuota(user=owner)], ignore_conflicts=True)
    # Lock the row until the end of the transaction, so that no other request changes
    # the usage.
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


def _admit(owner: Any, byte_size: int, *, files: int) -> bool:
    defaults = options()
    connection = connections[router.db_for_write(StorageQuota)]
    user: Any = StorageQuota._meta.get_field("user")  # noqa: SLF001  Django's API
    with connection.cursor() as cursor:
        cursor.execute(
            _ADMIT,
            {
                # The primary key of the user model is an integer or for example a UUID.
                "user": user.get_db_prep_save(owner.pk, connection),
                "bytes": byte_size,
                "files": files,
                "limit_bytes": defaults.default_quota_bytes,
                "max_files": defaults.default_max_files,
                "max_open": defaults.max_open,
            },
        )
        return bool(cursor.rowcount)


def settle(
    owner: Any,
    byte_size: int,
    *,
    before: State,
    after: State,
    true_size: int | None = None,
    files: int = 1,
) -> None:
    """Change the quota for a move from state ``before`` to state ``after``.

    Call this function in the transaction of the move. Uploads in a state of
    ``states.RESERVING`` count as reserved. Uploads in a state of ``states.USING`` count
    as used. ``byte_size`` is the size before the move, in total for all ``files``.
    ``true_size`` is the size after the move, by default the same. Raises ValueError if
    ``true_size`` is larger than ``byte_size``.
    """
    size = byte_size if true_size is None else true_size
    if size > byte_size:
        raise ValueError(f"{size} bytes arrived, but only {byte_size} were reserved.")
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


def transfer(source: Any, target: Any, byte_size: int, *, files: int) -> None:
    """Move stored bytes and files from the quota of ``source`` to ``target``.

    Call this function in the transaction that changes the owner of the uploads. Raises
    QuotaExceeded if the bytes or files exceed a limit of ``target``.
    """
    StorageQuota.objects.bulk_create(
        [StorageQuota(user_id=target)], ignore_conflicts=True
    )
    defaults = options()
    limit_bytes = Coalesce(F("limit_bytes"), Value(defaults.default_quota_bytes))
    max_files = Coalesce(F("max_files"), Value(defaults.default_max_files))
    fits = StorageQuota.objects.filter(
        used_bytes__lte=limit_bytes - F("reserved_bytes") - byte_size,
        file_count__lte=max_files - F("reserved_files") - files,
    )
    # Change the rows in the order of their users, so that two transfers cannot
    # deadlock.
    for owner, sign in sorted(((source, -1), (target, 1))):
        rows = (fits if sign > 0 else StorageQuota.objects).filter(user=owner)
        changed = rows.update(
            used_bytes=F("used_bytes") + sign * byte_size,
            file_count=F("file_count") + sign * files,
        )
        if not changed and sign > 0:
            raise QuotaExceeded(
                "The quota of the new owner has no space for these files (number of"
                f" files: {files}, total size: {byte_size} bytes). Raise the new owner's"
                " limits under Quotas in the admin, then try again."
            )


def _explain(now: Usage, byte_size: int) -> str:
    if not now.free_files:
        return (
            f"You have reached the limit of {now.max_files} files. "
            "Delete a file, then try again."
        )
    if now.reserved_files >= now.max_open:
        return (
            f"You have {now.reserved_files} unfinished uploads; the limit is "
            f"{now.max_open}. Finish or cancel some, then try again."
        )
    return (
        f"The file has {byte_size} bytes, but only {now.free_bytes} of your "
        f"{now.limit_bytes} bytes are free. Delete a file, then try again."
    )
