"""Tests that S3 notifies the site of a new object.

The site reads notifications with the credentials of the worker, the identity that makes
its calls.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from django.conf import settings

from uploads.doctor.examination import Examination
from uploads.doctor.results import Finding, note, ok, skip, warn
from uploads.errors import StorageError
from uploads.models import SweepMark
from uploads.s3.probe import perform, put_request
from uploads.s3.queue import Queue
from uploads.s3.wire import NoAnswer
from uploads.upkeep.intake import PROBE_MARK, take_from

SECONDS = 30
"""How long the doctor waits for the notification."""

POLL_SECONDS = 1
NAME, TITLE = "notifications.flow", "S3 notifies the site of new objects"
SLOW = (
    "If a person closes the browser right after an upload, the file becomes ready "
    "only at the next sweep."
)


def ask_notifications(examination: Examination) -> Iterator[Finding]:
    """Store a probe object, wait for its notification, and yield a finding."""
    url = settings.S3_NOTIFICATIONS_QUEUE_URL
    if not url and not settings.S3_NOTIFICATIONS_SECRET:
        yield note(NAME, TITLE, "No notifications are set up.", SLOW)
        return
    key, body = examination.new_key("notification"), examination.random_bytes()
    try:
        answer = perform(put_request(examination.uploads, key, body), body)
        if answer.status != 200:
            yield skip(NAME, TITLE, f"The probe object could not be stored: {answer}")
            return
        yield _arrival(key, Queue(url=url) if url else None)
    except (StorageError, NoAnswer) as error:
        yield warn(
            NAME,
            TITLE,
            str(error),
            SLOW,
            "Check S3_NOTIFICATIONS_QUEUE_URL, and grant the worker identity "
            "sqs:ReceiveMessage and sqs:DeleteMessage (manage.py iam_policy worker).",
        )


def _arrival(key: str, queue: Queue | None) -> Finding:
    started = time.monotonic()
    while time.monotonic() - started < SECONDS:
        if queue is not None:
            take_from(queue, wait_seconds=POLL_SECONDS)
        if SweepMark.objects.filter(name=PROBE_MARK, after_key=key).exists():
            seconds = time.monotonic() - started
            return ok(NAME, TITLE, f"The notification arrived after {seconds:.1f} s.")
        if queue is None:
            time.sleep(POLL_SECONDS)
    if queue is None:
        return warn(
            NAME,
            TITLE,
            f"No request to /hooks/s3 arrived within {SECONDS} s.",
            SLOW,
            "Configure the S3 server to send notifications to /hooks/s3 on this site, "
            "with the secret in S3_NOTIFICATIONS_SECRET. See docs/operations.md.",
        )
    return warn(
        NAME,
        TITLE,
        f"The queue received no notification within {SECONDS} s.",
        SLOW,
        "Set up the bucket's notifications: manage.py setup_bucket --apply",
        "queue_policy",
        "notifications",
    )
