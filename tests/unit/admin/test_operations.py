"""Actions of the admin call the lifecycle."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.support.admin_pages import (
    LIST,
    change_page,
    download_page,
    make_upload,
    messages_of,
    run_action,
    store,
)
from uploads.lifecycle import quota
from uploads.models import (
    AuditEvent,
    StorageQuota,
    Upload,
)
from uploads.s3.bucket import Bucket
from uploads.states import State

pytestmark = pytest.mark.django_db


def test_delete_action_after_confirmation_deletes_files_and_releases_quota(
    operator: Client, alice: Any, admin_user: Any, bucket: Bucket
) -> None:
    StorageQuota.objects.create(user=alice, used_bytes=10, file_count=2)
    uploads = [make_upload(alice, number) for number in range(2)]
    for upload in uploads:
        store(bucket, upload)

    question = run_action(operator, "remove", *uploads)
    assert "These 2 files will be deleted" in question.content.decode()
    assert bucket.head_object(uploads[0].key) is not None
    answer = run_action(operator, "remove", *uploads, confirmed="yes")

    assert messages_of(answer) == [
        '"notes 0.txt", "notes 1.txt": The state is now deleted.'
    ]
    assert [bucket.head_object(upload.key) for upload in uploads] == [None, None]
    assert quota.usage(alice).used_bytes == 0
    events = AuditEvent.objects.filter(kind="upload.deleted", actor=admin_user)
    assert events.count() == 2


def test_verify_again_shows_a_message_for_each_outcome(
    operator: Client, alice: Any, bucket: Bucket
) -> None:
    same, missing, longer, over = (
        make_upload(alice, 0),
        make_upload(alice, 1),
        make_upload(alice, 2),
        make_upload(alice, 3, state=State.DELETED),
    )
    store(bucket, same)
    store(bucket, longer, b"hello, world")

    answer = run_action(operator, "verify_again", same, missing, longer, over)

    assert sorted(messages_of(answer)) == [
        '"notes 0.txt": The object matches its row.',
        '"notes 1.txt": The object is missing from the bucket.',
        (
            '"notes 2.txt": The stored file has 12 bytes, but this upload was started '
            "for a file of 5 bytes. Upload the file again."
        ),
        '"notes 3.txt": The upload is deleted, so it has no object to verify.',
    ]
    found = AuditEvent.objects.filter(kind="upload.reverified")
    assert {event.upload_id: event.detail["agrees"] for event in found} == {
        same.pk: True,
        missing.pk: False,
        longer.pk: False,
    }


def test_verify_again_detects_a_replaced_object(
    operator: Client, alice: Any, bucket: Bucket
) -> None:
    upload = make_upload(alice)
    store(bucket, upload)
    facts = bucket.head_object(upload.key)
    assert facts is not None
    Upload.objects.filter(pk=upload.pk).update(etag=facts.etag)
    store(bucket, upload, b"HELLO")

    answer = run_action(operator, "verify_again", upload)

    assert messages_of(answer) == [
        '"notes 0.txt": The object was replaced. Its ETag differs from the recorded ETag.'
    ]


def test_verify_again_reports_an_incomplete_upload(
    operator: Client, alice: Any, bucket: Bucket
) -> None:
    upload = make_upload(alice, state=State.PENDING, completed_at=None)

    answer = run_action(operator, "verify_again", upload)

    assert messages_of(answer) == [
        (
            '"notes 0.txt": The file has not arrived in the bucket. Send the file, then '
            "complete the upload again."
        )
    ]


def test_purge_again_deletes_a_late_object(
    operator: Client, alice: Any, bucket: Bucket
) -> None:
    late = make_upload(alice, 0, state=State.EXPIRED)
    ready = make_upload(alice, 1)
    store(bucket, late)
    store(bucket, ready)

    answer = run_action(operator, "purge_again", late, ready)

    assert sorted(messages_of(answer)) == [
        '"notes 0.txt": The object is deleted.',
        (
            '"notes 1.txt": The object was not deleted, because the state is ready. '
            "First use the action “Delete the files”."
        ),
    ]
    assert bucket.head_object(late.key) is None
    assert bucket.head_object(ready.key) is not None


def test_action_on_too_many_uploads_is_refused(
    operator: Client, alice: Any, bucket: Bucket
) -> None:
    Upload.objects.bulk_create(
        Upload(
            owner=alice,
            transport="put",
            key=f"uploads/{number}",
            filename="x",
            byte_size=1,
            part_size=1,
            content_type="text/plain",
            expires_at=timezone.now(),
        )
        for number in range(501)
    )
    first = Upload.objects.all()[0]

    answer = run_action(operator, "remove", first, select_across="1", confirmed="yes")

    assert messages_of(answer) == [
        (
            "You selected more than 500 uploads, so nothing was done. "
            "Select fewer uploads, then try again."
        )
    ]
    assert Upload.objects.filter(state=State.PENDING).count() == 501


def test_download_is_presigned_on_click_and_recorded(
    operator: Client, alice: Any, admin_user: Any, bucket: Bucket
) -> None:
    upload = make_upload(alice)

    pages = operator.get(LIST).content + operator.get(change_page(upload)).content
    assert b"X-Amz-" not in pages
    assert download_page(upload).encode() in pages
    assert not upload.events.exists()
    answer = operator.get(download_page(upload))

    assert answer.status_code == 302
    assert "X-Amz-Signature=" in answer["Location"]
    assert upload.key in answer["Location"]
    event = upload.events.get()
    assert (event.kind, event.actor, event.upload_id) == (
        "upload.downloaded",
        admin_user,
        upload.pk,
    )


def test_upload_that_is_not_ready_has_no_download(
    operator: Client, alice: Any, bucket: Bucket
) -> None:
    upload = make_upload(alice, state=State.REJECTED)

    answer = operator.get(download_page(upload), follow=True)

    assert messages_of(answer) == [
        "The upload is rejected. Only ready uploads can be downloaded."
    ]
    assert not upload.events.exists()
