"""Makes one row agree with the bucket, whoever asks and however often."""

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
    StorageUnavailable,
    UploadError,
)
from uploads.lifecycle import schedule
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
    """Reconcile for who waits for the answer: what stands in the way is raised.

    Returns the upload ``ready``, ``inspecting`` or ``rejected``. Raises as
    lifecycle.complete does; an upload that lacks bytes when its time is up is
    expired, and then raises InvalidState. An inspection that costs more than ``budget``
    is left to a worker or, where there are none, to the sweeper, unless the caller is
    ``patient``.
    """
    step = partial(
        lifecycle.complete,
        actor=actor,
        objects=objects,
        patient=patient,
        budget=budget,
    )
    try:
        step(upload)
    except Incomplete:
        # It may have been given more time while the bucket was asked. Once it is up
        # by the row, nobody gives it any more.
        upload.refresh_from_db(fields=["expires_at"])
        if not upload.is_past_deadline:
            raise
        _expire(upload)
        # Expired just now, or in that very moment completed or given more time.
        step(upload)
    if not patient:
        _hand_over(upload)
    return upload


@task()
def inspect_in_background(upload_id: str) -> None:
    """Finish the inspection of an upload, unless somebody else is at it or it waits."""
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
        schedule.failed(upload)
    except Upload.DoesNotExist:
        return  # erased meanwhile
    else:
        schedule.looked(upload, was=State.INSPECTING, at=claimed_at)


def reconcile(
    upload: Upload,
    *,
    actor: Any = None,
    patient: bool = False,
    budget: lifecycle.Budget | None = None,
) -> State:
    """Take ``upload`` as far as the bucket's facts allow; return where it is now.

    A notification, the sweeper and an operator end here, and the browser one
    door beside, in complete. Idempotent. A ``patient`` caller does long inspections
    at once; others leave them to the background. Raises StorageUnavailable, and then has
    changed nothing that the next call would not find; Upload.DoesNotExist for a row
    that is erased meanwhile.
    """
    if upload.state in FINAL:
        _purge(upload)
        return State(upload.state)
    with suppress(Incomplete):
        try:
            complete(upload, actor=actor, patient=patient, budget=budget)
        except InvalidState:
            upload.refresh_from_db()
    return State(upload.state)


def _hand_over(upload: Upload) -> None:
    """Give an inspection that was just left to the background to a worker.

    Where tasks would run inside the request, the sweeper takes the upload: it is due at
    once. A worker has a while; then the sweeper takes what was lost.
    """
    is_due = upload.state == State.INSPECTING and upload.is_inspected_later
    backend = inspect_in_background.get_backend()
    if not is_due or not backend.supports_defer:
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
        raise StorageUnavailable("The bytes of an upload that is over are still there.")


def _expire(upload: Upload) -> None:
    try:
        lifecycle.expire(upload, reason="not completed in time", if_overdue=True)
    except InvalidState:
        # Somebody completed or cancelled it in this very moment, or asked for a URL.
        upload.refresh_from_db()
