"""Run the sweep and the consumer of notifications as functions."""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.request
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone

from tests.serverless.functions import SCHEDULED, Function, queue_event
from tests.support.live_site import LiveSite
from uploads import lifecycle
from uploads.lifecycle import Declaration
from uploads.models import ParkedNotification, Upload
from uploads.s3.bucket import get_bucket
from uploads.s3.signed import SignedRequest
from uploads.states import State

CONTENT = b"Sent, but never completed by its browser."


def sent_upload(person: User) -> Upload:
    """Return a pending upload whose bytes are in the bucket."""
    digest = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    upload = lifecycle.start(
        owner=person,
        declaration=Declaration("note.txt", len(CONTENT), "text/plain", digest),
    )
    request = lifecycle.presign(upload)
    assert isinstance(request, SignedRequest)
    urllib.request.urlopen(
        urllib.request.Request(
            request.url, data=CONTENT, method="PUT", headers=dict(request.headers)
        )
    ).close()
    return upload


def created_message(key: str) -> str:
    return json.dumps(
        {
            "Records": [
                {
                    "eventVersion": "2.1",
                    "eventSource": "aws:s3",
                    "eventName": "ObjectCreated:Put",
                    "s3": {
                        "bucket": {"name": settings.S3_BUCKET},
                        "object": {"key": key, "size": len(CONTENT)},
                    },
                }
            ]
        }
    )


def test_notification_completes_an_upload(
    live_site: LiveSite, notifications: Function, person: User
) -> None:
    upload = sent_upload(person)

    answer = notifications.call(queue_event(created_message(upload.key)))

    assert answer == {"batchItemFailures": []}
    upload.refresh_from_db()
    assert upload.state == State.READY


def test_unreadable_message_is_stored_and_not_delivered_again(
    live_site: LiveSite, notifications: Function
) -> None:
    before = ParkedNotification.objects.count()

    answer = notifications.call(queue_event("no JSON at all"))

    assert answer == {"batchItemFailures": []}
    assert ParkedNotification.objects.count() == before + 1


@pytest.mark.parametrize("event", [None, [], {}, {"Records": [{"body": "x"}]}])
def test_event_of_another_format_fails_with_a_reason(
    live_site: LiveSite, notifications: Function, event: object
) -> None:
    with pytest.raises(RuntimeError, match=r"is not an SQS (event|record)"):
        notifications.call(event)


def test_sweep_completes_an_upload_without_a_client(
    live_site: LiveSite, sweep: Function, person: User
) -> None:
    upload = sent_upload(person)
    long_ago = timezone.now() - timedelta(hours=1)
    Upload.objects.filter(pk=upload.pk).update(created_at=long_ago, checked_at=None)

    report = sweep.call(SCHEDULED)

    assert report["failed"] == 0
    upload.refresh_from_db()
    assert upload.state == State.READY
    assert get_bucket().head_object(upload.key) is not None
