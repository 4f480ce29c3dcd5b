"""The site processes notifications from a queue and from HTTP requests."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import boto3
import psycopg.errors
import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import Client

from tests.support.builders import (
    begin,
    event_kinds,
    let_time_pass,
    make_ready,
    put,
    quota_counts,
)
from tests.support.storage_faults import count_s3_calls, s3_answers_500
from uploads import lifecycle
from uploads.errors import StorageUnavailable
from uploads.lifecycle.reconciliation import reconcile
from uploads.models import ParkedNotification, Upload
from uploads.s3.bucket import Bucket
from uploads.s3.queue import Queue
from uploads.states import State
from uploads.upkeep import intake
from uploads.upkeep.intake import MAX_RECEIVES, Intake, park, take_from, take_in
from uploads.upkeep.sweeper import sweep

pytestmark = pytest.mark.django_db

HOOK = "/hooks/s3"
SECRET = "correct horse battery staple"


@pytest.fixture
def queue(bucket: Bucket) -> Iterator[Queue]:
    """Create a queue that delivers messages again at once until they are deleted."""
    sqs = boto3.client("sqs", region_name="us-east-1")
    made = sqs.create_queue(QueueName="s3", Attributes={"VisibilityTimeout": "0"})
    yield Queue(url=made["QueueUrl"], client=sqs)
    sqs.close()


@pytest.fixture
def post_notification(client: Client, settings: Any) -> Any:
    """Return a function that posts a notification, by default with the right secret."""
    settings.S3_NOTIFICATIONS_SECRET = SECRET

    def post(body: Any, authorization: str = f"Bearer {SECRET}") -> Any:
        return client.post(
            HOOK,
            body if isinstance(body, (str, bytes)) else json.dumps(body),
            content_type="application/json",
            headers={"Authorization": authorization} if authorization else {},
        )

    return post


def s3_event(*uploads: Upload | str, bucket: str = "slipway") -> str:
    """Return S3's event about these uploads or keys."""
    keys = [upload if isinstance(upload, str) else upload.key for upload in uploads]
    return json.dumps(
        {
            "Records": [
                {
                    "eventName": "ObjectCreated:Put",
                    "s3": {"bucket": {"name": bucket}, "object": {"key": key}},
                }
                for key in keys
            ]
        }
    )


def send(queue: Queue, *bodies: str) -> None:
    for body in bodies:
        queue.client.send_message(QueueUrl=queue.url, MessageBody=body)


def message_count(queue: Queue) -> int:
    name: Any = "ApproximateNumberOfMessages"
    answer = queue.client.get_queue_attributes(
        QueueUrl=queue.url, AttributeNames=[name]
    )
    return int(answer["Attributes"][name])


def start_and_send(bucket: Bucket, owner: Any) -> Upload:
    """Return an upload whose bytes are stored. Nobody has called complete."""
    upload = begin(owner)
    put(bucket, upload, b"hello")
    return upload


# Effects of a message


def test_message_completes_an_upload_without_a_client(
    alice: Any, bucket: Bucket
) -> None:
    upload = start_and_send(bucket, alice)

    assert take_in(s3_event(upload)) == Intake(handled=1)

    assert Upload.objects.get().state == State.READY
    assert quota_counts(alice) == (5, 0, 1, 0)


def test_message_about_a_missing_object_completes_nothing(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)

    assert take_in(s3_event(upload)) == Intake(handled=1)

    assert Upload.objects.get().state == State.PENDING
    assert event_kinds(upload) == ["upload.started"]


def test_repeated_and_reordered_messages_have_the_same_result(
    alice: Any, bucket: Bucket
) -> None:
    uploads = [start_and_send(bucket, alice) for _ in range(3)]
    bodies = [s3_event(upload) for upload in uploads] * 3
    random.Random(1).shuffle(bodies)

    for body in bodies:
        take_in(body)

    for upload in uploads:
        assert event_kinds(upload) == [
            "upload.started",
            "upload.inspecting",
            "upload.ready",
        ]
    assert quota_counts(alice) == (15, 0, 3, 0)


def test_message_about_a_ready_upload_needs_no_call_of_s3(
    alice: Any, bucket: Bucket
) -> None:
    upload = make_ready(bucket, alice)

    with count_s3_calls(bucket) as calls:
        assert take_in(s3_event(upload)) == Intake(handled=1)

    assert calls == {}


@pytest.mark.parametrize(
    "body",
    [
        s3_event("uploads/ab/unknown"),
        s3_event("backups/db.dump"),
        s3_event("a\x00b"),
        s3_event("\ud800"),
        s3_event("x" * 5000),
        s3_event("uploads/ab/unknown", bucket="another"),
    ],
)
def test_message_about_an_unknown_key_is_only_counted(
    bucket: Bucket, body: str
) -> None:
    assert take_in(body) == Intake(unknown=1)


def test_message_about_another_bucket_is_ignored(alice: Any, bucket: Bucket) -> None:
    upload = start_and_send(bucket, alice)

    assert take_in(s3_event(upload, bucket="another")) == Intake(unknown=1)

    assert Upload.objects.get().state == State.PENDING


def test_message_about_a_purged_upload_deletes_the_object_at_once(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    lifecycle.remove(upload)
    let_time_pass(hours=1)
    sweep()
    put(bucket, upload, b"hello")

    take_in(s3_event(upload))

    assert bucket.head_object(upload.key) is None
    assert Upload.objects.get().purged_at is not None


def test_all_records_of_a_message_are_handled(alice: Any, bucket: Bucket) -> None:
    uploads = [start_and_send(bucket, alice) for _ in range(3)]

    counts = take_in(s3_event(*uploads, "uploads/ab/unknown"))

    assert counts == Intake(handled=3, unknown=1)


# Messages from the queue


def test_handled_messages_are_deleted(alice: Any, bucket: Bucket, queue: Queue) -> None:
    uploads = [start_and_send(bucket, alice) for _ in range(3)]
    send(queue, *map(s3_event, uploads), s3_event("uploads/ab/unknown"))

    assert take_from(queue, wait_seconds=0) == Intake(handled=3, unknown=1)

    assert message_count(queue) == 0


@pytest.mark.parametrize("body", ["garbage", "{}", '{"Records": 7}', "nul \x01"])
def test_unreadable_message_is_parked_once_and_deleted(
    alice: Any, bucket: Bucket, queue: Queue, body: str
) -> None:
    send(queue, body, s3_event(start_and_send(bucket, alice)))

    assert take_from(queue, wait_seconds=0) == Intake(handled=1, parked=1)

    assert message_count(queue) == 0
    parked = ParkedNotification.objects.get()
    assert (parked.source, parked.body) == ("sqs", body)


def test_messages_stay_in_the_queue_while_the_bucket_does_not_answer(
    alice: Any, bucket: Bucket, queue: Queue
) -> None:
    send(queue, s3_event(start_and_send(bucket, alice)))

    with s3_answers_500(bucket):
        for _ in range(MAX_RECEIVES + 2):
            with pytest.raises(StorageUnavailable):
                take_from(queue, wait_seconds=0)

    assert message_count(queue) == 1
    assert take_from(queue, wait_seconds=0) == Intake(handled=1)
    assert not ParkedNotification.objects.exists()


def test_message_that_fails_repeatedly_is_parked(
    alice: Any, bucket: Bucket, queue: Queue
) -> None:
    send(queue, s3_event(start_and_send(bucket, alice)))

    with s3_answers_500(bucket, "HeadObject"):
        counts = [take_from(queue, wait_seconds=0) for _ in range(MAX_RECEIVES + 1)]

    assert counts == [Intake(failed=1)] * 4 + [Intake(parked=1), Intake()]
    assert Upload.objects.get().state == State.PENDING
    let_time_pass(minutes=2)
    assert sweep().completed == 1


def too_large_for_an_index() -> OperationalError:
    error = OperationalError("index row size exceeds maximum")
    error.__cause__ = psycopg.errors.ProgramLimitExceeded()
    return error


@pytest.mark.parametrize("error", [ZeroDivisionError(), too_large_for_an_index()])
def test_message_that_raises_does_not_stop_other_messages(
    alice: Any,
    bucket: Bucket,
    queue: Queue,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    def fail_for_failing_txt(upload: Upload, **options: Any) -> State:
        if upload.filename == "failing.txt":
            raise error
        return reconcile(upload, **options)

    monkeypatch.setattr(intake, "reconcile", fail_for_failing_txt)
    failing = begin(alice, filename="failing.txt")
    put(bucket, failing, b"hello")
    send(queue, s3_event(failing), s3_event(start_and_send(bucket, alice)))

    counts = [take_from(queue, wait_seconds=0) for _ in range(MAX_RECEIVES + 1)]

    assert counts[0] == Intake(handled=1, failed=1)
    assert counts[-2:] == [Intake(parked=1), Intake()]
    assert ParkedNotification.objects.get().error == repr(error)


def test_no_message_is_parked_during_a_database_outage(
    alice: Any, bucket: Bucket, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(queue, s3_event(start_and_send(bucket, alice)))
    fail = Mock(side_effect=OperationalError("connection refused"))

    with monkeypatch.context() as patch:
        patch.setattr(intake, "reconcile", fail)
        for _ in range(MAX_RECEIVES + 1):
            with pytest.raises(OperationalError):
                take_from(queue, wait_seconds=0)

    assert not ParkedNotification.objects.exists()
    assert take_from(queue, wait_seconds=0) == Intake(handled=1)


def test_only_the_newest_parked_messages_are_kept(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MAX_PARKED", 3)

    for number in range(5):
        park("http", f"{number}\x00\ud800", "x" * 999)

    kept = ParkedNotification.objects.order_by("pk")
    assert [parked.body for parked in kept] == ["2?", "3?", "4?"]
    assert len(kept[0].error) == 255


def test_command_processes_the_queue_and_prints_a_report(
    alice: Any, bucket: Bucket, queue: Queue, capsys: pytest.CaptureFixture[str]
) -> None:
    uploads = [start_and_send(bucket, alice) for _ in range(12)]
    send(queue, "garbage", *map(s3_event, uploads))

    call_command("consume_notifications", queue_url=queue.url, once=True)

    report = json.loads(capsys.readouterr().out)
    assert report == {"handled": 12, "unknown": 0, "parked": 1, "failed": 0}
    assert message_count(queue) == 0
    assert quota_counts(alice) == (60, 0, 12, 0)


def test_command_exits_with_1_when_a_message_has_to_wait(
    alice: Any, bucket: Bucket, queue: Queue, capsys: pytest.CaptureFixture[str]
) -> None:
    send(queue, s3_event(start_and_send(bucket, alice)))

    with s3_answers_500(bucket, "HeadObject"), pytest.raises(SystemExit) as end:
        call_command("consume_notifications", queue_url=queue.url, once=True)

    assert end.value.code == 1
    assert json.loads(capsys.readouterr().out)["parked"] == 1


def test_command_reports_that_the_bucket_does_not_answer(
    alice: Any, bucket: Bucket, queue: Queue
) -> None:
    send(queue, s3_event(start_and_send(bucket, alice)))

    with (
        s3_answers_500(bucket),
        pytest.raises(CommandError, match="storage is unavailable"),
    ):
        call_command("consume_notifications", queue_url=queue.url, once=True)

    assert message_count(queue) == 1


def test_command_requires_a_queue(settings: Any) -> None:
    with pytest.raises(CommandError, match="S3_NOTIFICATIONS_QUEUE_URL"):
        call_command("consume_notifications", queue_url="", once=True)


# Notifications over HTTP


@pytest.mark.parametrize("method", ["post", "get"])
def test_notifications_over_http_get_404_without_a_configured_secret(
    client: Client, settings: Any, method: str
) -> None:
    settings.S3_NOTIFICATIONS_SECRET = ""

    answer = getattr(client, method)(HOOK, headers={"Authorization": "Bearer "})

    assert answer.status_code == 404


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {SECRET}x",
        f"Token {SECRET}",
        SECRET,
        "Bearer ä",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"s3:wrong").decode(),
        "Basic " + base64.b64encode(SECRET.encode()).decode(),
    ],
)
def test_notification_with_a_wrong_secret_is_refused_and_not_stored(
    post_notification: Any, authorization: str
) -> None:
    answer = post_notification("garbage", authorization)

    assert answer.status_code == 401
    assert answer.json()["code"] == "not_authenticated"
    assert answer["WWW-Authenticate"].startswith("Bearer, Basic realm=")
    assert not ParkedNotification.objects.exists()


@pytest.mark.parametrize(
    "authorization",
    [
        f"Bearer {SECRET}",
        f"bearer  {SECRET} ",
        "Basic " + base64.b64encode(f"sns:{SECRET}".encode()).decode(),
    ],
)
def test_notification_with_the_correct_secret_is_accepted(
    alice: Any, bucket: Bucket, post_notification: Any, authorization: str
) -> None:
    upload = start_and_send(bucket, alice)

    answer = post_notification(s3_event(upload, "uploads/ab/unknown"), authorization)

    assert answer.status_code == 200
    assert answer.json() == {"handled": 1, "unknown": 1, "parked": 0}
    assert Upload.objects.get().state == State.READY


def test_notifications_require_a_post(client: Client, post_notification: Any) -> None:
    assert client.get(HOOK).status_code == 405


def test_unreadable_notification_over_http_is_parked(post_notification: Any) -> None:
    answer = post_notification(b"\xff garbage")

    assert answer.status_code == 202
    assert answer.json() == {"handled": 0, "unknown": 0, "parked": 1}
    assert ParkedNotification.objects.get().source == "http"


def test_too_long_notification_is_refused(post_notification: Any) -> None:
    assert post_notification("x" * 3_000_000).status_code == 413


def test_sender_gets_503_when_s3_does_not_answer(
    alice: Any, bucket: Bucket, post_notification: Any
) -> None:
    upload = start_and_send(bucket, alice)

    with s3_answers_500(bucket):
        answer = post_notification(s3_event(upload))

    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert post_notification(s3_event(upload)).status_code == 200
    assert Upload.objects.get().state == State.READY
