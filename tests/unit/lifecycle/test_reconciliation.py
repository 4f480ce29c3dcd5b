"""One row and the bucket: reconcile, in every state."""

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
    held,
    kinds,
    let_time_pass,
    make_ready,
    put,
    send_parts,
)
from tests.support.storage_faults import counted, refusing
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
    """Leave an upload as a process does that dies before the inspection."""
    upload = begin(owner)
    put(bucket, upload, b"hello")
    facts = bucket.head_object(upload.key)
    assert facts is not None
    lifecycle.move(upload, State.INSPECTING, etag=facts.etag)
    return upload


def test_a_pending_upload_without_bytes_goes_on_waiting(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)

    assert reconcile(upload) == State.PENDING

    assert held(alice) == (0, 5, 0, 1)


def test_a_pending_upload_with_its_bytes_becomes_ready(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    put(bucket, upload, b"hello")

    assert reconcile(upload) == State.READY

    assert held(alice) == (5, 0, 1, 0)


def test_a_pending_upload_with_other_bytes_is_rejected_and_purged(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    put(bucket, upload, b"other")

    assert reconcile(upload) == State.REJECTED

    assert bucket.head_object(upload.key) is None
    assert held(alice) == (0, 0, 0, 0)


def test_an_overdue_upload_without_bytes_expires(alice: Any, bucket: Bucket) -> None:
    upload = begin(alice)
    let_time_pass(days=8)
    upload.refresh_from_db()

    assert reconcile(upload) == State.EXPIRED

    assert held(alice) == (0, 0, 0, 0)
    assert kinds(upload) == ["upload.started", "upload.expired"]


def test_time_that_was_given_while_the_bucket_was_asked_counts(
    alice: Any, bucket: Bucket
) -> None:
    stale = begin(alice)
    let_time_pass(days=8)
    stale.refresh_from_db()
    Upload.objects.update(expires_at=timezone.now() + timedelta(hours=1))

    with pytest.raises(Incomplete):
        complete(stale)

    assert Upload.objects.get().state == State.PENDING


def test_who_is_given_a_url_while_the_upload_ends_keeps_it(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin(alice)
    deadline = upload.expires_at
    asks = Upload.objects.get()

    def expire_later(*arguments: Any, **options: Any) -> None:
        # Who asks has read the clock before the deadline, and writes only now.
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
    assert held(alice) == (0, 5, 0, 1)


def test_who_asks_for_a_url_while_the_upload_has_ended_gets_none(
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
    assert held(alice) == (0, 0, 0, 0)


def test_an_end_for_another_reason_minds_no_deadline(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)

    with pytest.raises(StaleUpload):
        lifecycle.expire(upload, reason="a test", if_overdue=True)
    lifecycle.expire(upload, reason="a test")

    assert Upload.objects.get().state == State.EXPIRED


def test_an_overdue_upload_whose_bytes_are_there_becomes_ready(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    put(bucket, upload, b"hello")
    let_time_pass(days=8)
    upload.refresh_from_db()

    assert reconcile(upload) == State.READY


def test_all_parts_and_no_complete_become_one_file(alice: Any, bucket: Bucket) -> None:
    content = bytes(20 * MIB)
    upload = lifecycle.start(owner=alice, declaration=declare(content, **BINARY))
    send_parts(bucket, upload, content)

    assert reconcile(upload) == State.READY

    assert held(alice) == (20 * MIB, 0, 1, 0)


def test_some_parts_stay_until_the_time_is_up(alice: Any, bucket: Bucket) -> None:
    content = bytes(20 * MIB)
    upload = lifecycle.start(owner=alice, declaration=declare(content, **BINARY))
    send_parts(bucket, upload, content, 2)

    assert reconcile(upload) == State.PENDING
    let_time_pass(days=8)
    upload.refresh_from_db()
    assert reconcile(upload) == State.EXPIRED

    assert list(bucket.list_multipart_uploads(upload.key)) == []


def test_a_start_that_died_before_s3_was_asked_expires_without_asking(
    alice: Any, bucket: Bucket
) -> None:
    upload = lifecycle.start(
        owner=alice, declaration=declare(b"hello", transport=Transport.MULTIPART)
    )
    Upload.objects.update(multipart_id="")
    let_time_pass(days=8)
    upload.refresh_from_db()

    with counted(bucket) as calls:
        assert reconcile(upload) == State.EXPIRED

    assert calls == {"DeleteObject": 1}


def test_an_unfinished_inspection_is_finished(alice: Any, bucket: Bucket) -> None:
    upload = inspecting(bucket, alice)

    assert reconcile(upload) == State.READY

    assert held(alice) == (5, 0, 1, 0)


@pytest.mark.parametrize("replaced", [True, False], ids=["replaced", "removed"])
def test_an_object_that_changes_before_its_inspection_is_rejected(
    alice: Any, bucket: Bucket, replaced: bool
) -> None:
    upload = inspecting(bucket, alice)
    bucket.delete_object(upload.key)
    if replaced:
        put(bucket, upload, b"other")

    assert reconcile(upload) == State.REJECTED

    assert upload.rejected_reason == (
        "The object was replaced or removed at the storage."
    )
    assert held(alice) == (0, 0, 0, 0)


def test_an_inspection_waits_for_storage_that_does_not_answer(
    alice: Any, bucket: Bucket
) -> None:
    upload = inspecting(bucket, alice)

    with refusing(bucket, "GetObject"), pytest.raises(StorageUnavailable):
        reconcile(upload)

    assert Upload.objects.get().state == State.INSPECTING


def test_a_ready_upload_costs_no_call_and_stays(alice: Any, bucket: Bucket) -> None:
    upload = make_ready(bucket, alice)
    upload.replaceable_until = None  # no URL can replace the object any more
    bucket.delete_object(upload.key)

    with counted(bucket) as calls:
        assert reconcile(upload) == State.READY

    assert calls == {}


@pytest.mark.parametrize("state", [State.CANCELLED, State.EXPIRED, State.DELETED])
def test_what_is_over_is_purged_and_stays_over(
    alice: Any, bucket: Bucket, state: State
) -> None:
    upload = begin(alice) if state != State.DELETED else make_ready(bucket, alice)
    lifecycle.move(upload, state)
    put(bucket, upload, b"hello")  # a late arrival
    let_time_pass(minutes=20)

    assert reconcile(Upload.objects.get()) == state

    upload.refresh_from_db()
    assert upload.purged_at is not None
    assert bucket.head_object(upload.key) is None


def test_what_is_over_and_cannot_be_purged_says_so(alice: Any, bucket: Bucket) -> None:
    upload = begin(alice)
    lifecycle.move(upload, State.CANCELLED)

    with refusing(bucket, "DeleteObject"), pytest.raises(StorageUnavailable):
        reconcile(upload)

    upload.refresh_from_db()
    assert (upload.checked_at, upload.purged_at) == (None, None)


@pytest.mark.parametrize(
    "transport", [Transport.PUT, Transport.MULTIPART, Transport.POST]
)
def test_reconciling_twice_is_reconciling_once(
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

    assert kinds(upload) == ["upload.started", "upload.inspecting", "upload.ready"]
    assert held(alice) == (5, 0, 1, 0)


def test_a_row_that_a_person_cancels_meanwhile_stays_cancelled(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    put(bucket, upload, b"hello")
    stale = Upload.objects.get()
    lifecycle.remove(upload, actor=alice)

    assert reconcile(stale) == State.CANCELLED

    assert held(alice) == (0, 0, 0, 0)
