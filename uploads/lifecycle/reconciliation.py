"""Reads the bucket's facts about one upload, and moves the upload as far as they allow.

All functions are idempotent.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

import django
import structlog
from django.utils import timezone

from uploads import lifecycle
from uploads.errors import (
    Incomplete,
    InvalidState,
    StaleUpload,
    StorageUnavailable,
    UploadError,
)
from uploads.lifecycle import schedule
from uploads.lifecycle.replays import end_watch, reject_if_replaced
from uploads.models import Upload
from uploads.states import FINAL, State

if django.VERSION >= (6, 0):
    from django.tasks import task
else:
    from django_tasks import task  # type: ignore[no-redef,unused-ignore]

logger = structlog.get_logger("slipway.reconciliation")


def complete(
    upload: Upload,
    *,
    actor: Any = None,
    objects: lifecycle.Objects | None = None,
    patient: bool = False,
    budget: lifecycle.Budget | None = None,
) -> Upload:
    """Complete an upload for a caller that waits for the result.

    The returned upload is ``ready``, ``inspecting`` or ``rejected``. Raises the errors
    of lifecycle.advance. If bytes are missing after the deadline, expires the upload
    and raises InvalidState.

    A ``patient`` caller waits for long inspections. For any other caller, ``budget``
    limits the inspection. If the inspection exceeds ``budget``, a task worker finishes
    it. On a site without task workers, the sweeper finishes it.
    """
    step = partial(
        lifecycle.advance,
        actor=actor,
        objects=objects,
        patient=patient,
        budget=budget,
    )
    try:
        step(upload)
    except Incomplete:
        # Another request may have extended the deadline during the call to S3, so read
        # the deadline again. No request extends a deadline that has passed.
        upload.refresh_from_db(fields=["expires_at"])
        if not upload.is_overdue:
            raise
        _expire(upload)
        # Normally the upload has expired, and this call raises InvalidState. If another
        # request has just completed or extended the upload, this call continues.
        step(upload)
    if not patient:
        _hand_over(upload)
    return upload


@task()
def inspect_in_background(upload_id: str) -> None:
    """Finish the inspection of an upload.

    Does nothing if another process has claimed the upload, or if its retry is not due.
    """
    upload = Upload.objects.filter(pk=upload_id, state=State.INSPECTING).first()
    if upload is None or not schedule.is_free(upload):
        return
    claimed_at = schedule.claim(upload)
    if claimed_at is None:
        return
    try:
        reconcile(upload, patient=True)
    except UploadError as error:
        logger.warning("upload.unsettled", upload=upload_id, error=error.detail)
        schedule.record_failure(upload)
    except Upload.DoesNotExist:
        return  # the row was erased meanwhile
    else:
        schedule.end_claim(upload, was=State.INSPECTING, at=claimed_at)


def reconcile(
    upload: Upload,
    *,
    actor: Any = None,
    patient: bool = False,
    budget: lifecycle.Budget | None = None,
) -> State:
    """Move ``upload`` as far as the bucket's facts allow; return its state.

    Notifications, the sweeper and operators call this function. Requests of browsers
    call ``complete``. A ``patient`` caller runs long inspections itself. For other
    callers, a background process runs long inspections. Raises StorageUnavailable if S3
    does not answer, and Upload.DoesNotExist if the row is erased meanwhile.
    """
    if upload.state in FINAL:
        _purge(upload)
        return State(upload.state)
    if upload.state == State.READY and upload.replaceable_until:
        _compare_again(upload, actor)
        return State(upload.state)
    with suppress(Incomplete):
        try:
            complete(upload, actor=actor, patient=patient, budget=budget)
        except InvalidState:
            upload.refresh_from_db()
    return State(upload.state)


def _compare_again(upload: Upload, actor: Any) -> None:
    """Reject a ready upload if its object was replaced.

    If all URLs that can replace the object have expired, this comparison is the last.
    """
    is_over = upload.replaceable_until and upload.replaceable_until <= timezone.now()
    try:
        is_replaced = reject_if_replaced(upload, actor=actor)
    except StaleUpload:
        upload.refresh_from_db()
        return
    if is_over and not is_replaced:
        end_watch(upload)


def _hand_over(upload: Upload) -> None:
    """Enqueue a task, so that a task worker finishes an inspection in the background.

    On a site without task workers, a task would run inside the request. So this
    function enqueues no task there, and the next sweep finishes the inspection. The
    sweeper also finishes inspections that no task worker has finished in time.
    """
    if upload.state != State.INSPECTING or not upload.is_inspected_later:
        return
    if not inspect_in_background.get_backend().supports_defer:
        return
    unseen = Upload.objects.filter(
        pk=upload.pk, state=State.INSPECTING, checked_at=None, waiting_reason=""
    )
    now = timezone.now()
    if unseen.update(checked_at=now):
        upload.checked_at = now
        inspect_in_background.enqueue(str(upload.pk))


def _purge(upload: Upload) -> None:
    if not lifecycle.purge(upload):
        raise StorageUnavailable(
            "The storage did not delete the bytes of this upload. Try again."
        )


def _expire(upload: Upload) -> None:
    try:
        lifecycle.expire(upload, reason="not completed in time", if_overdue=True)
    except InvalidState:
        # Another request has just completed, cancelled or extended the upload.
        upload.refresh_from_db()
