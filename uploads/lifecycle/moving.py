"""Changes of state with what they mean for the quota and for the bytes."""

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

    Audit event and quota change in the same transaction. ``byte_size`` among the
    facts is the object's true size, at most the reserved size. ``only`` is a further
    condition on the row.

    Compare-and-set instead of a row lock: of two racers exactly one matches the old
    state. Raises InvalidState for a move that states.MOVES does not have, and
    StaleUpload if another process changed the row first; both change nothing.
    """
    before, reserved = State(upload.state), upload.byte_size
    _require_legal(before, [to])
    # A move follows a check of the bucket. Rows in a final state wait for their purge.
    facts["checked_at"] = None if to in FINAL else timezone.now()
    with transaction.atomic():
        unchanged = Upload.objects.filter(only or Q(), pk=upload.pk, state=before)
        if unchanged.update(state=to, **facts) != 1:
            raise StaleUpload
        record(f"upload.{to.value}", upload=upload, actor=actor, detail=detail)
        if upload.released_from_id and to in FAILED:
            # The release came to nothing: another one may be asked for and made.
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
    """A move of one upload through several states, each with its detail and facts."""

    upload: Upload
    steps: Sequence[tuple[State, dict[str, Any] | None]]
    facts: dict[str, Any]


def move_many(owner: Any, passages: Sequence[Passage], *, actor: Any) -> list[Upload]:
    """Move each upload of ``owner`` through its steps; return those that moved.

    All start in one state and end in one. Rows, events and quota are one statement
    each, in one transaction, whatever the number. An upload whose row another process
    has changed or renamed meanwhile stays as it is. Raises InvalidState as ``move``
    does.
    """
    if not passages:
        return []
    before = State(passages[0].upload.state)
    after = passages[0].steps[-1][0]
    for passage in passages:
        _require_legal(before, [to for to, _ in passage.steps])
    wanted = {passage.upload.pk: passage for passage in passages}
    with transaction.atomic():
        # In one order, so that two batches with the same uploads cannot deadlock.
        rows = Upload.objects.select_for_update().filter(
            pk__in=wanted, owner=owner, state=before
        )
        moved = [
            wanted[pk]
            for pk, filename in rows.order_by("pk").values_list("pk", "filename")
            if filename == wanted[pk].upload.filename
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
    """Write the new state and the facts, in one statement."""
    changes: dict[str, Any] = {}
    for name in moved[0].facts:
        values = {passage.upload.pk: passage.facts[name] for passage in moved}
        different = set(values.values())
        changes[name] = (
            different.pop() if len(different) == 1 else ByPrimaryKey(name, values)
        )
    rows = Upload.objects.filter(pk__in=[passage.upload.pk for passage in moved])
    rows.update(state=after, **changes)


def _require_legal(before: State, steps: Sequence[State]) -> None:
    for to in steps:
        if to not in MOVES[before]:
            raise InvalidState(f"The upload is {before} and cannot become {to.value}.")
        before = to


def expire(
    upload: Upload, *, reason: str, if_overdue: bool = False, only: Q | None = None
) -> None:
    """Give up an upload that was not completed in time; its bytes go.

    Raises InvalidState or StaleUpload for one that is not pending any more, or that
    was given more time meanwhile, where the caller asks ``if_overdue``, or is not what
    ``only`` asks. The row says so in the same UPDATE: who has just been given a URL
    loses nothing.
    """
    only = only or Q()
    if if_overdue:
        only &= Q(expires_at__lt=timezone.now())
    move(upload, State.EXPIRED, detail={"reason": reason}, only=only)
    purge(upload)


def purge(upload: Upload) -> bool:
    """Remove the bytes of an upload that is over; return whether they are gone.

    Not final before its last URL has died: bytes may land until then, so only
    after that is ``purged_at`` set, and until then ``checked_at``. Abort comes
    first: a completion under way either fails then, or has made the object that
    is deleted next.
    """
    if upload.state not in FINAL or upload.purged_at is not None:
        return upload.purged_at is not None
    # Until the move, others may have signed a URL or opened the multipart upload.
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
            # In a versioned bucket the first call has only hidden the bytes.
            bucket.delete_object(upload.key, version_id=upload.version_id)
    except StorageError as error:
        logger.warning("purge.failed", upload=str(upload.pk), error=error.code)
        return False
    dead = upload.urls_expire_at is None or upload.urls_expire_at < now
    upload.checked_at, upload.purged_at = now, now if dead else None
    Upload.objects.filter(pk=upload.pk, state__in=FINAL).update(
        checked_at=now, purged_at=upload.purged_at
    )
    return True
