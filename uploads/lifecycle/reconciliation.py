"""Makes one row agree with the bucket, whoever asks and however often."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

import django
import structlog

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
) -> Upload:
    """Reconcile for who waits for the answer: what stands in the way is raised.

    Returns the upload ``ready``, ``inspecting`` or ``rejected``. Raises as
    lifecycle.complete does; an upload that lacks bytes when its time is up is
    expired, and then raises InvalidState. An inspection that takes long is handed
    over to a worker, unless the caller is ``patient``; where there are no workers it
    is done before this returns.
    """
    step = partial(lifecycle.complete, actor=actor, objects=objects, patient=patient)
    try:
        step(upload)
    except Incomplete:
        # It may have been given more time while the bucket was asked. Once it is up
        # by the row, nobody gives it any more.
        upload.refresh_from_db(fields=["expires_at"])
        if not upload.is_overdue:
            raise
        _expire(upload)
        # Expired just now, or in that very moment completed or given more time.
        step(upload)
    if not patient and _waits_for_worker(upload):
        # The row is committed by now, and says all there is to know: a task that is
        # lost, or that fails, is made good by the sweeper.
        inspect_in_background.enqueue(str(upload.pk))
        upload.refresh_from_db()
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


def reconcile(upload: Upload, *, actor: Any = None, patient: bool = False) -> State:
    """Take ``upload`` as far as the bucket's facts allow; return where it is now.

    A notification, the sweeper and an operator end here, and the browser one
    door beside, in complete. Idempotent. Who is ``patient`` does long inspections
    at once instead of handing them over. Raises StorageUnavailable, and then has
    changed nothing that the next call would not find; Upload.DoesNotExist for a row
    that is erased meanwhile.
    """
    if upload.state in FINAL:
        _purge(upload)
        return State(upload.state)
    with suppress(Incomplete):
        try:
            complete(upload, actor=actor, patient=patient)
        except InvalidState:
            upload.refresh_from_db()
    return State(upload.state)


def _waits_for_worker(upload: Upload) -> bool:
    return upload.state == State.INSPECTING and lifecycle.takes_long(upload)


def _purge(upload: Upload) -> None:
    if not lifecycle.purge(upload):
        raise StorageUnavailable("The bytes of an upload that is over are still there.")


def _expire(upload: Upload) -> None:
    try:
        lifecycle.expire(upload, reason="not completed in time", if_overdue=True)
    except InvalidState:
        # Somebody completed or cancelled it in this very moment, or asked for a URL.
        upload.refresh_from_db()
