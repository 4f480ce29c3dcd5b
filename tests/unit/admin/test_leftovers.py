"""The admin shows parked notifications and orphans."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from tests.support.builders import begin, put
from tests.support.storage_faults import s3_answers_500
from uploads.models import Orphan, ParkedNotification, Upload
from uploads.s3.bucket import Bucket
from uploads.states import State
from uploads.upkeep.intake import park

pytestmark = pytest.mark.django_db

PARKED = "/admin/uploads/parkednotification/"
ORPHANS = "/admin/uploads/orphan/"


@pytest.fixture
def unprocessed_upload(bucket: Bucket, django_user_model: Any) -> Upload:
    upload = begin(django_user_model.objects.create_user("alice"))
    put(bucket, upload, b"hello")
    return upload


def process_again(client: Client) -> list[str]:
    chosen = list(ParkedNotification.objects.values_list("pk", flat=True))
    data = {"action": "take_in_again", "_selected_action": chosen}
    answer = client.post(PARKED, data, follow=True)
    return [str(message) for message in answer.context["messages"]]


def park_event_about(upload: Upload) -> None:
    entity = {"bucket": {"name": "slipway"}, "object": {"key": upload.key}}
    record = {"eventName": "ObjectCreated:Put", "s3": entity}
    park("sqs", json.dumps({"Records": [record]}), "S3 did not answer")


def test_parked_notifications_are_read_only(admin_client: Client) -> None:
    park("http", '<script>alert("x")</script>', "The message is not JSON.")
    parked = ParkedNotification.objects.get()

    page = admin_client.get(f"{PARKED}{parked.pk}/change/")

    assert "The message is not JSON." in admin_client.get(PARKED).text
    assert "&lt;script&gt;alert" in page.text
    assert "<script>alert" not in page.text
    assert admin_client.get(f"{PARKED}add/").status_code == 403
    answer = admin_client.post(f"{PARKED}{parked.pk}/change/", {"body": "other"})
    assert answer.status_code == 403


def test_parked_message_is_deleted_after_successful_processing(
    admin_client: Client, unprocessed_upload: Upload
) -> None:
    park_event_about(unprocessed_upload)

    assert process_again(admin_client) == ["All messages were processed."]

    assert Upload.objects.get().state == State.READY
    assert not ParkedNotification.objects.exists()


def test_parked_message_that_fails_again_is_kept(
    admin_client: Client, bucket: Bucket, unprocessed_upload: Upload
) -> None:
    park("http", "garbage", "The message is not JSON.")
    park_event_about(unprocessed_upload)

    with s3_answers_500(bucket):
        assert process_again(admin_client) == ["Messages that failed again: 2."]

    assert ParkedNotification.objects.count() == 2


def test_viewer_cannot_process_messages_again(
    django_user_model: Any, unprocessed_upload: Upload
) -> None:
    person = django_user_model.objects.create_user("sam", is_staff=True)
    person.user_permissions.add(
        Permission.objects.get(codename="view_parkednotification")
    )
    client = Client()
    client.force_login(person)
    park_event_about(unprocessed_upload)

    process_again(client)

    assert Upload.objects.get().state == State.PENDING


def test_orphans_are_read_only(admin_client: Client) -> None:
    now = timezone.now()
    Orphan.objects.create(
        key="uploads/ab/abcd",
        byte_size=5,
        modified_at=now,
        first_seen_at=now,
        last_seen_at=now,
    )

    assert "uploads/ab/abcd" in admin_client.get(ORPHANS).text
    data = {"action": "delete_selected", "_selected_action": ["uploads/ab/abcd"]}
    admin_client.post(ORPHANS, {**data, "post": "yes"})

    assert Orphan.objects.count() == 1
