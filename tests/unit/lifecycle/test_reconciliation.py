"""Test that a row is reconciled with the bucket, in every state."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from tests.support.builders import (
    MIB,
    begin,
    declare,
    event_kinds,
    let_time_pass,
    make_ready,
    put,
    quota_counts,
    send_parts,
)
from tests.support.storage_faults import count_s3_calls, s3_answers_500
from uploads import lifecycle
from uploads.errors import Incomplete, InvalidState, StaleUpload, StorageUnavailable
from uploads.lifecycle import presigning
from uploads.lifecycle.reconciliation import complete, reconcile
from uploads.lifecycle.starting import extended_deadline
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.states import State, Transport

pytestmark = pytest.mark.django_db

BINARY = {"content_type": "application/octet-stream"}


def inspecting(bucket: Bucket, owner: Any) -> Upload:
    """Return an upload whose process died before the inspection."""
    upload = begin(owner)
    put(bucket, upload, b"hello")
    facts = bucket.head_object(upload.key)
    assert facts is not None
    lifecycle.move(upload, State.INSPECTING, etag=facts.etag)
    return upload


def test_pending_upload_without_an_object_stays_pending(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)

    assert reconcile(upload) == State.PENDING

    assert quota_counts(alice) == (0, 5, 0, 1)


def test_pending_upload_with_its_object_becomes_ready(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    put(bucket, upload, b"hello")

    assert reconcile(upload) == State.READY

    assert quota_counts(alice) == (5, 0, 1, 0)


def test_pending_upload_with_another_object_is_rejected_and_purged(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    put(bucket, upload, b"other")

    assert reconcile(upload) == State.REJECTED

    assert bucket.head_object(upload.key) is None
    assert quota_counts(alice) == (0, 0, 0, 0)


def test_overdue_upload_without_an_object_expires(alice: Any, bucket: Bucket) -> None:
    upload = begin(alice)
    let_time_pass(days=8)
    upload.refresh_from_db()

    assert reconcile(upload) == State.EXPIRED

    assert quota_counts(alice) == (0, 0, 0, 0)
    assert event_kinds(upload) == ["upload.started", "upload.expired"]


def test_upload_does_not_expire_if_its_deadline_was_extended_meanwhile(
    alice: Any, bucket: Bucket
) -> None:
    stale = begin(alice)
    let_time_pass(days=8)
    stale.refresh_from_db()
    Upload.objects.update(expires_at=timezone.now() + timedelta(hours=1))

    with pytest.raises(Incomplete):
        complete(stale)

    assert Upload.objects.get().state == State.PENDING


def test_upload_stays_pending_if_a_url_is_signed_during_its_expiry(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin(alice)
    deadline = upload.expires_at
    asks = Upload.objects.get()

    def expire_later(*arguments: Any, **options: Any) -> None:
        # The request for a URL has read the clock before the deadline. It writes the
        # row after the deadline.
        with time_machine.travel(deadline - timedelta(seconds=5), tick=False):
            lifecycle.presign(asks)
        expire(*arguments, **options)

    expire = lifecycle.expire
    monkeypatch.setattr(lifecycle, "expire", expire_later)
    with (
        time_machine.travel(deadline + timedelta(seconds=1), tick=False),
        pytest.raises(Incomplete),
    ):
        complete(upload)

    row = Upload.objects.get()
    assert row.state == State.PENDING
    assert row.expires_at > deadline
    assert quota_counts(alice) == (0, 5, 0, 1)


def test_url_request_is_refused_if_the_upload_expires_during_the_request(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin(alice)
    deadline = upload.expires_at
    other = Upload.objects.get()

    def extended_later(row: Upload, now: datetime) -> datetime:
        with time_machine.travel(deadline + timedelta(seconds=1), tick=False):
            assert reconcile(other) == State.EXPIRED
        return extended_deadline(row, now)

    monkeypatch.setattr(presigning, "extended_deadline", extended_later)
    with (
        time_machine.travel(deadline - timedelta(seconds=5), tick=False),
        pytest.raises(InvalidState, match="expired"),
    ):
        lifecycle.presign(upload)

    assert Upload.objects.get().urls_expire_at == other.urls_expire_at
    assert quota_counts(alice) == (0, 0, 0, 0)


def test_expire_ends_an_upload_before_its_deadline_unless_if_overdue_is_set(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)

    with pytest.raises(StaleUpload):
        lifecycle.expire(upload, reason="a test", if_overdue=True)
    lifecycle.expire(upload, reason="a test")

    assert Upload.objects.get().state == State.EXPIRED


def test_overdue_upload_with_its_object_becomes_ready(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    put(bucket, upload, b"hello")
    let_time_pass(days=8)
    upload.refresh_from_db()

    assert reconcile(upload) == State.READY


def test_all_parts_are_joined_without_a_call_of_complete(
    alice: Any, bucket: Bucket
) -> None:
    content = bytes(20 * MIB)
    upload = lifecycle.start(owner=alice, declaration=declare(content, **BINARY))
    send_parts(bucket, upload, content)

    assert reconcile(upload) == State.READY

    assert quota_counts(alice) == (20 * MIB, 0, 1, 0)


def test_incomplete_parts_are_kept_until_the_deadline(
    alice: Any, bucket: Bucket
) -> None:
    content = bytes(20 * MIB)
    upload = lifecycle.start(owner=alice, declaration=declare(content, **BINARY))
    send_parts(bucket, upload, content, 2)

    assert reconcile(upload) == State.PENDING
    let_time_pass(days=8)
    upload.refresh_from_db()
    assert reconcile(upload) == State.EXPIRED

    assert list(bucket.list_multipart_uploads(upload.key)) == []


def test_upload_without_a_multipart_id_expires_without_a_call_of_s3(
    alice: Any, bucket: Bucket
) -> None:
    upload = lifecycle.start(
        owner=alice, declaration=declare(b"hello", transport=Transport.MULTIPART)
    )
    Upload.objects.update(multipart_id="")
    let_time_pass(days=8)
    upload.refresh_from_db()

    with count_s3_calls(bucket) as calls:
        assert reconcile(upload) == State.EXPIRED

    assert calls == {"DeleteObject": 1}


def test_unfinished_inspection_is_finished(alice: Any, bucket: Bucket) -> None:
    upload = inspecting(bucket, alice)

    assert reconcile(upload) == State.READY

    assert quota_counts(alice) == (5, 0, 1, 0)


@pytest.mark.parametrize("replaced", [True, False], ids=["replaced", "removed"])
def test_object_changed_before_its_inspection_is_rejected(
    alice: Any, bucket: Bucket, replaced: bool
) -> None:
    upload = inspecting(bucket, alice)
    bucket.delete_object(upload.key)
    if replaced:
        put(bucket, upload, b"other")

    assert reconcile(upload) == State.REJECTED

    assert upload.rejected_reason == (
        "The file was replaced or removed in the storage. Upload it again."
    )
    assert quota_counts(alice) == (0, 0, 0, 0)


def test_inspection_waits_for_unavailable_storage(alice: Any, bucket: Bucket) -> None:
    upload = inspecting(bucket, alice)

    with s3_answers_500(bucket, "GetObject"), pytest.raises(StorageUnavailable):
        reconcile(upload)

    assert Upload.objects.get().state == State.INSPECTING


def test_ready_upload_needs_no_call_of_s3_and_stays_ready(
    alice: Any, bucket: Bucket
) -> None:
    upload = make_ready(bucket, alice)
    upload.replaceable_until = (
        None  # all URLs have expired, so nobody can replace the object
    )
    bucket.delete_object(upload.key)

    with count_s3_calls(bucket) as calls:
        assert reconcile(upload) == State.READY

    assert calls == {}


@pytest.mark.parametrize("state", [State.CANCELLED, State.EXPIRED, State.DELETED])
def test_ended_upload_is_purged_and_keeps_its_state(
    alice: Any, bucket: Bucket, state: State
) -> None:
    upload = begin(alice) if state != State.DELETED else make_ready(bucket, alice)
    lifecycle.move(upload, state)
    # The bytes arrive after the end of the upload.
    put(bucket, upload, b"hello")
    let_time_pass(minutes=20)

    assert reconcile(Upload.objects.get()) == state

    upload.refresh_from_db()
    assert upload.purged_at is not None
    assert bucket.head_object(upload.key) is None


def test_failed_purge_of_an_ended_upload_raises(alice: Any, bucket: Bucket) -> None:
    upload = begin(alice)
    lifecycle.move(upload, State.CANCELLED)

    with s3_answers_500(bucket, "DeleteObject"), pytest.raises(StorageUnavailable):
        reconcile(upload)

    upload.refresh_from_db()
    assert (upload.checked_at, upload.purged_at) == (None, None)


@pytest.mark.parametrize(
    "transport", [Transport.PUT, Transport.MULTIPART, Transport.POST]
)
def test_second_reconcile_changes_nothing(
    alice: Any, bucket: Bucket, transport: Transport
) -> None:
    upload = lifecycle.start(
        owner=alice, declaration=declare(b"hello", transport=transport)
    )
    if transport == Transport.MULTIPART:
        send_parts(bucket, upload, b"hello")
    else:
        put(bucket, upload, b"hello")
    stale = Upload.objects.get()

    assert [reconcile(upload), reconcile(stale)] == [State.READY] * 2

    assert event_kinds(upload) == [
        "upload.started",
        "upload.inspecting",
        "upload.ready",
    ]
    assert quota_counts(alice) == (5, 0, 1, 0)


def test_reconcile_of_a_stale_row_keeps_a_concurrent_cancel(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    put(bucket, upload, b"hello")
    stale = Upload.objects.get()
    lifecycle.remove(upload, actor=alice)

    assert reconcile(stale) == State.CANCELLED

    assert quota_counts(alice) == (0, 0, 0, 0)
