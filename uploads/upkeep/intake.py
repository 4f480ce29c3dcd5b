"""Handles S3 notifications: finds the upload of each object and reconciles it."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from django.conf import settings
from django.utils import timezone

from uploads import lifecycle
from uploads.conf import options
from uploads.errors import StorageError
from uploads.lifecycle.reconciliation import reconcile
from uploads.models import ParkedNotification, SweepMark, Upload
from uploads.outages import is_outage
from uploads.s3.bucket import get_bucket
from uploads.s3.keys import is_incoming, is_probe, row_key
from uploads.s3.notifications import (
    CreatedObject,
    UnreadableNotification,
    parse_notification,
)
from uploads.s3.queue import Message, Queue
from uploads.states import State
from uploads.upkeep import figures

logger = structlog.get_logger("slipway.intake")

MAX_RECEIVES = 5
"""If a message fails after this number of deliveries, ``park`` stores it for operators.

Then no process retries the message. During an outage of S3, no message is parked.
"""

PROBE_MARK = "doctor"
"""Name of the SweepMark that stores the key of the doctor's last probe object.

The site stores the key when a notification about this object arrives.
"""

MAX_PARKED = 10_000
MAX_BODY = 65_536


@dataclass
class Intake:
    """Counts objects (handled, unknown) and messages (parked, failed)."""

    handled: int = 0
    unknown: int = 0
    parked: int = 0
    failed: int = 0

    def add(self, other: Intake) -> None:
        """Add the counts of ``other``."""
        self.handled += other.handled
        self.unknown += other.unknown
        self.parked += other.parked
        self.failed += other.failed

    def __bool__(self) -> bool:
        return any(vars(self).values())


def take_in(body: str | bytes) -> Intake:
    """Reconcile the upload of every object in a notification.

    Notifications may be duplicate, late, out of order, or about objects of other sites.
    So this function reads the facts from the bucket, and trusts nothing in the
    notification except the key. Raises UnreadableNotification. Raises
    StorageUnavailable if S3 does not answer. Then the caller should try again later.
    """
    counts = Intake()
    # All objects share one budget, because a request may wait for this function.
    budget = lifecycle.inline_budget()
    for created in parse_notification(body):
        if is_probe(options().key_prefix, created.key):
            _note_probe(created.key)
        upload = _find(created)
        if upload is None:
            counts.unknown += 1
            continue
        _act_upon(upload, created.key, budget)
        counts.handled += 1
        figures.remember_notification(_delay_of(created))
        logger.info("notification.handled", upload=str(upload.pk), state=upload.state)
    return counts


def _delay_of(created: CreatedObject) -> float | None:
    if created.at is None:
        return None
    return max(0.0, (timezone.now() - created.at).total_seconds())


def _note_probe(key: str) -> None:
    """Record that the notification of the doctor's probe object has arrived."""
    SweepMark.objects.update_or_create(
        name=PROBE_MARK, defaults={"after_key": key, "finished_at": timezone.now()}
    )


def take_from(queue: Queue, *, wait_seconds: int) -> Intake:
    """Process the next messages of a queue, and delete each processed message.

    Parks a message for operators if it is unreadable or has failed too often. Raises
    StorageUnavailable if the queue or the bucket does not answer. The queue then
    delivers the messages again after their visibility timeout.
    """
    total = Intake()
    for message in queue.receive(wait_seconds=wait_seconds):
        counts = process(message)
        if not counts.failed:
            queue.delete(message)
        total.add(counts)
    return total


def park(source: str, body: str, error: str) -> None:
    """Store a message for operators, who see it in the admin.

    Keeps the last MAX_PARKED messages and deletes older messages.
    """
    parked = ParkedNotification.objects.create(
        source=source, body=_storable(body)[:MAX_BODY], error=_storable(error)[:255]
    )
    ParkedNotification.objects.filter(pk__lte=parked.pk - MAX_PARKED).delete()
    logger.warning("notification.parked", source=source, error=error)


def process(message: Message) -> Intake:
    """Process one message.

    If ``failed`` in the result is 1, the queue must deliver the message again later.
    Parks a message if it is unreadable, or if it fails after MAX_RECEIVES deliveries.
    Raises StorageUnavailable if S3 does not answer, and a database error if the
    database does not answer.
    """
    try:
        return take_in(message.body)
    except UnreadableNotification as error:
        park("sqs", message.body, str(error))
        return Intake(parked=1)
    except StorageError as error:
        # ``check`` raises StorageUnavailable if S3 does not answer. If S3 answers, the
        # message is the cause of the error.
        get_bucket().check()
        return _put_off(message, error.detail)
    except Exception as error:
        if is_outage(error):
            raise
        # A message that causes an error must not stop the consumer of the queue.
        logger.exception("notification.failed")
        return _put_off(message, repr(error))


def _put_off(message: Message, error: str) -> Intake:
    if message.receive_count < MAX_RECEIVES:
        return Intake(failed=1)
    park("sqs", message.body, error)
    return Intake(parked=1)


def _find(created: CreatedObject) -> Upload | None:
    if created.bucket not in {"", settings.S3_BUCKET}:
        return None
    if created.key != _storable(created.key):
        return None  # no row has this key, because databases cannot store it
    return Upload.objects.filter(key=row_key(created.key)).first()


def _act_upon(upload: Upload, key: str, budget: lifecycle.Budget) -> None:
    if upload.state == State.READY:
        if is_incoming(key):
            lifecycle.discard_incoming(upload)  # the owner has sent the form again
        return  # another call has completed the upload before this notification
    if upload.is_final and upload.purged_at is not None:
        # Bytes have arrived after the last purge, so reconcile must purge again.
        Upload.objects.filter(pk=upload.pk).update(purged_at=None)
        upload.purged_at = None
    reconcile(upload, budget=budget)


def _storable(text: str) -> str:
    """Return ``text`` without NUL and lone surrogates, which databases cannot store."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
