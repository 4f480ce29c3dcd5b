"""Changes the state and quota of uploads, and deletes the bytes of ended uploads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from uploads.errors import InvalidState, StaleUpload, StorageError
from uploads.lifecycle import quota
from uploads.models import Upload
from uploads.models.expressions import ByPrimaryKey
from uploads.s3.bucket import get_bucket
from uploads.s3.keys import incoming_key
from uploads.states import FINAL, MOVES, State, Transport
from uploads.trail.writing import record, record_many

FAILED = frozenset({State.EXPIRED, State.CANCELLED, State.REJECTED})

logger = structlog.get_logger("slipway.lifecycle")


def move(
    upload: Upload,
    to: State,
    *,
    actor: Any = None,
    detail: dict[str, Any] | None = None,
    only: Q | None = None,
    **facts: Any,
) -> None:
    """Change the state of ``upload`` to ``to``, and store ``facts`` in its row.

    Writes the audit event and changes the quota in the same transaction. A value
    ``byte_size`` in ``facts`` is the true size of the object. It may be smaller than
    the reserved size. ``only`` is a further condition on the row.

    Of two concurrent calls, exactly one finds the old state and succeeds. Raises
    InvalidState for a move that is not in ``states.MOVES``. Raises StaleUpload if
    another process has changed the row first. After an error, nothing has changed.
    """
    before, reserved = State(upload.state), upload.byte_size
    _require_legal(before, [to])
    # ``checked_at`` is the time of the row's last check. If the upload ends, clear this
    # time, so that the sweeper purges the upload soon.
    facts["checked_at"] = None if to in FINAL else timezone.now()
    with transaction.atomic():
        # Compare the owner too. After a hand-over, the upload counts in the quota of
        # another account, so ``settle`` would change the wrong quota.
        unchanged = Upload.objects.filter(
            only or Q(), pk=upload.pk, state=before, owner=upload.owner_id
        )
        if unchanged.update(state=to, **facts) != 1:
            raise StaleUpload
        record(f"upload.{to.value}", upload=upload, actor=actor, detail=detail)
        if upload.released_from_id and to in FAILED:
            # The release has failed, so another release may start.
            rejected = Upload.objects.filter(pk=upload.released_from_id)
            rejected.filter(released_as=upload.pk).update(released_as=None)
        quota.settle(
            upload.owner_id,
            reserved,
            before=before,
            after=to,
            true_size=facts.get("byte_size", reserved),
        )
    upload.state = to
    for name, value in facts.items():
        setattr(upload, name, value)


@dataclass(frozen=True)
class Passage:
    """The moves of one upload through several states.

    ``steps`` are the new states in order, each with the detail of its audit event.
    ``facts`` are new values for the row.
    """

    upload: Upload
    steps: Sequence[tuple[State, dict[str, Any] | None]]
    facts: dict[str, Any]


def move_many(owner: Any, passages: Sequence[Passage], *, actor: Any) -> list[Upload]:
    """Move the upload of each passage through its steps; return the moved uploads.

    All uploads must start in the same state and end in the same state. One transaction
    contains one UPDATE for all rows, one INSERT for all events, and one UPDATE of the
    quota. Skips uploads that another process has moved or renamed meanwhile. Raises
    InvalidState as ``move`` does.
    """
    if not passages:
        return []
    before = State(passages[0].upload.state)
    after = passages[0].steps[-1][0]
    for passage in passages:
        _require_legal(before, [to for to, _ in passage.steps])
    wanted = {passage.upload.pk: passage for passage in passages}
    with transaction.atomic():
        # Lock the rows in the order of their ids, so that two batches cannot deadlock.
        # Python checks the other conditions. With a condition on the owner, SQLite would
        # read all uploads of the owner.
        rows = Upload.objects.select_for_update().filter(pk__in=wanted).order_by("pk")
        moved = [
            passage
            for pk, *facts in rows.values_list("pk", "owner_id", "state", "filename")
            if facts == [owner.pk, before, (passage := wanted[pk]).upload.filename]
        ]
        if moved:
            _store(moved, after)
            record_many(
                [
                    (f"upload.{to.value}", passage.upload, detail)
                    for passage in moved
                    for to, detail in passage.steps
                ],
                actor=actor,
            )
            total = sum(passage.upload.byte_size for passage in moved)
            quota.settle(owner, total, before=before, after=after, files=len(moved))
    for passage in moved:
        passage.upload.state = after
        for name, value in passage.facts.items():
            setattr(passage.upload, name, value)
    return [passage.upload for passage in moved]


def _store(moved: Sequence[Passage], after: State) -> None:
    """Write the new state and the facts of all uploads in one UPDATE."""
    changes: dict[str, Any] = {}
    keys = [passage.upload.pk for passage in moved]
    for name in moved[0].facts:
        values = [passage.facts[name] for passage in moved]
        is_same = len(set(values)) == 1
        changes[name] = (
            values[0]
            if is_same
            else ByPrimaryKey(name, dict(zip(keys, values, strict=True)))
        )
    Upload.objects.filter(pk__in=keys).update(state=after, **changes)


def _require_legal(before: State, steps: Sequence[State]) -> None:
    for to in steps:
        if to not in MOVES[before]:
            raise InvalidState(f"The upload is {before} and cannot become {to.value}.")
        before = to


def expire(
    upload: Upload, *, reason: str, if_overdue: bool = False, only: Q | None = None
) -> None:
    """Expire a pending upload and delete its bytes.

    With ``if_overdue``, the deadline must have passed. ``only`` is a further condition
    on the row. The conditions are part of the UPDATE, so the upload does not expire if
    a concurrent request extends its deadline. Raises InvalidState if the upload is not
    pending, and StaleUpload if the row does not meet a condition.
    """
    only = only or Q()
    if if_overdue:
        only &= Q(expires_at__lt=timezone.now())
    move(upload, State.EXPIRED, detail={"reason": reason}, only=only)
    purge(upload)


def purge(upload: Upload) -> bool:
    """Delete the bytes of an upload in a final state; return whether this succeeded.

    Bytes may arrive until the last URL has expired. So only a purge after this time
    sets ``purged_at``. Earlier purges only set ``checked_at``.

    The function aborts the multipart upload and then deletes the object. In this order,
    a concurrent completion either fails, or creates the object before this function
    deletes the object. So no object remains.
    """
    if upload.state not in FINAL or upload.purged_at is not None:
        return upload.purged_at is not None
    # These two fields may be outdated in memory, because another process may have
    # changed them before the upload ended.
    upload.refresh_from_db(fields=["multipart_id", "urls_expire_at"])
    now = timezone.now()
    try:
        bucket = get_bucket()
        if upload.multipart_id:
            bucket.abort_multipart_upload(upload.key, upload.multipart_id)
        bucket.delete_object(upload.key)
        if upload.transport == Transport.FORM:
            bucket.delete_object(incoming_key(upload.key))
        if upload.version_id:
            # In a versioned bucket, the first call only adds a delete marker.
            bucket.delete_object(upload.key, version_id=upload.version_id)
    except StorageError as error:
        logger.warning("purge.failed", upload=str(upload.pk), error=error.code)
        return False
    is_last = upload.urls_expire_at is None or upload.urls_expire_at < now
    upload.checked_at, upload.purged_at = now, now if is_last else None
    Upload.objects.filter(pk=upload.pk, state__in=FINAL).update(
        checked_at=now, purged_at=upload.purged_at
    )
    return True
