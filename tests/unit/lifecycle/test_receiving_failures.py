"""Test plain forms with killed processes, late files and leftover objects."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.builders import event_kinds, let_time_pass, quota_counts
from tests.support.plain_forms import (
    begin_form,
    has_incoming_object,
    store_form_object,
    stored_content,
)
from tests.support.storage_faults import (
    Killed,
    count_s3_calls,
    killed_at,
    s3_answers_500,
)
from uploads import lifecycle
from uploads.conf import options
from uploads.errors import (
    InvalidState,
    StorageUnavailable,
)
from uploads.lifecycle import receiving
from uploads.lifecycle.reconciliation import reconcile
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.s3.copying import copy_object
from uploads.s3.keys import incoming_key
from uploads.states import State
from uploads.upkeep.auditing import audit
from uploads.upkeep.intake import take_in
from uploads.upkeep.sweeper import sweep

pytestmark = pytest.mark.django_db


HELLO = b"hello"


def notify(upload: Upload, key: str = "") -> None:
    record = {"bucket": {"name": "slipway"}, "object": {"key": key or upload.key}}
    body = {"Records": [{"eventName": "ObjectCreated:Post", "s3": record}]}
    take_in(json.dumps(body))


def test_verified_upload_is_rejected_if_a_late_copy_replaces_its_object(
    alice: Any, bucket: Bucket
) -> None:
    # A second copy is possible only on a storage without conditional copies.
    upload = begin_form(alice, 100)
    store_form_object(bucket, upload, HELLO)
    late = Upload.objects.get(pk=upload.pk)
    lifecycle.advance(upload)
    other = b"other bytes, never inspected"
    bucket.client.put_object(
        Bucket=bucket.name, Key=upload.key, Body=other, ContentType="text/plain"
    )

    lifecycle.advance(late)

    upload.refresh_from_db()
    assert upload.state == State.REJECTED
    assert quota_counts(alice) == (0, 0, 0, 0)


def test_cancel_during_a_copy_leaves_no_object(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin_form(alice, 100)
    store_form_object(bucket, upload, HELLO)
    real = copy_object

    def copy_then_cancel(*arguments: Any, **named: Any) -> None:
        real(*arguments, **named)
        stale = Upload.objects.get(pk=upload.pk)
        monkeypatch.setattr(lifecycle.moving, "purge", lambda _: True)
        lifecycle.moving.move(stale, State.CANCELLED)

    monkeypatch.setattr(f"{receiving.__name__}.copy_object", copy_then_cancel)
    with pytest.raises(InvalidState):
        lifecycle.advance(upload)

    assert stored_content(bucket, upload) is None
    assert quota_counts(alice) == (0, 0, 0, 0)


@pytest.mark.slow
def test_sweeper_completes_a_form_upload_after_a_kill_at_any_s3_call(
    alice: Any, bucket: Bucket
) -> None:
    step, died = 0, True
    while died:
        step += 1
        upload = begin_form(alice, 100)
        store_form_object(bucket, upload, HELLO)
        died = False
        try:
            with killed_at(bucket, step):
                lifecycle.advance(Upload.objects.get(pk=upload.pk))
        except Killed:
            died = True
        let_time_pass(minutes=5)

        sweep()

        upload.refresh_from_db()
        assert upload.state == State.READY, step
        assert stored_content(bucket, upload) == HELLO
        assert quota_counts(alice) == (5 * step, 0, step, 0)
        assert event_kinds(upload) == [
            "upload.started",
            "upload.inspecting",
            "upload.ready",
        ]
        assert not has_incoming_object(bucket, upload)
        assert list(audit()) == []
    assert step > 10, "The test has found too few calls to prove anything."


@pytest.mark.parametrize("operation", ["CopyObject", "HeadObject", "DeleteObject"])
def test_storage_errors_lose_no_file(
    alice: Any, bucket: Bucket, operation: str
) -> None:
    upload = begin_form(alice, 100)
    store_form_object(bucket, upload, HELLO)
    with s3_answers_500(bucket, operation):
        # The sweeper may delete the incoming object later.
        if operation == "DeleteObject":
            lifecycle.advance(upload)
        else:
            with pytest.raises(StorageUnavailable):
                lifecycle.advance(upload)

    reconcile(Upload.objects.get(pk=upload.pk))
    sweep()

    upload.refresh_from_db()
    assert upload.state == State.READY
    assert not has_incoming_object(bucket, upload)


@pytest.mark.parametrize("end", ["cancelled", "expired", "deleted"])
def test_ended_upload_is_purged_under_both_keys(
    alice: Any, bucket: Bucket, end: str
) -> None:
    upload = begin_form(alice, 100)
    if end == "deleted":
        store_form_object(bucket, upload, HELLO)
        lifecycle.advance(upload)
    store_form_object(bucket, upload, HELLO)

    if end == "expired":
        lifecycle.expire(upload, reason="a test")
    else:
        lifecycle.remove(upload)

    assert upload.state == end
    assert stored_content(bucket, upload) is None
    assert not has_incoming_object(bucket, upload)
    assert quota_counts(alice) == (0, 0, 0, 0)


@pytest.mark.parametrize("state", [State.READY, State.CANCELLED])
def test_sweeper_deletes_bytes_sent_by_a_form_after_the_end_of_the_upload(
    alice: Any, bucket: Bucket, state: State
) -> None:
    upload = begin_form(alice, 100)
    if state == State.READY:
        store_form_object(bucket, upload, HELLO)
        lifecycle.advance(upload)
    else:
        lifecycle.remove(upload)
    let_time_pass(hours=2)
    sweep()
    store_form_object(bucket, upload, b"something else")
    [difference] = audit()
    assert difference.subject == incoming_key(upload.key)

    assert sweep().late_arrivals == 1

    assert list(audit()) == []
    assert not has_incoming_object(bucket, upload)
    assert stored_content(bucket, upload) == (HELLO if state == State.READY else None)


def test_dry_sweep_counts_a_form_sent_again_and_keeps_the_incoming_object(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin_form(alice, 100)
    store_form_object(bucket, upload, HELLO)
    lifecycle.advance(upload)
    store_form_object(bucket, upload, HELLO)

    assert sweep(dry_run=True).late_arrivals == 1

    assert has_incoming_object(bucket, upload)


def test_new_incoming_object_is_no_orphan(alice: Any, bucket: Bucket) -> None:
    upload = begin_form(alice, 100)
    store_form_object(bucket, upload, HELLO)

    report = sweep(dry_run=True)

    assert (report.young_orphans, report.late_arrivals) == (0, 0)
    assert list(audit()) == []


def test_incoming_object_without_a_row_is_an_orphan(bucket: Bucket) -> None:
    key = f"{options().key_prefix}incoming/ab/{'ab' * 20}"
    bucket.client.put_object(Bucket=bucket.name, Key=key, Body=b"whose?")

    assert sweep().young_orphans == 1
    assert [(d.kind, d.subject) for d in audit()] == [("object without a row", key)]
    for _ in range(3):
        let_time_pass(days=1, minutes=1)
        report = sweep()
    assert report.orphans == 1
    assert bucket.head_object(key) is None


def test_sweeper_completes_a_form_upload_without_a_call_of_the_browser(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin_form(alice, 100)
    store_form_object(bucket, upload, HELLO)
    let_time_pass(minutes=2)

    assert sweep().completed == 1

    upload.refresh_from_db()
    assert upload.state == State.READY


def test_notification_completes_a_form_upload_without_a_call_of_the_browser(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin_form(alice, 100)
    store_form_object(bucket, upload, HELLO)

    notify(upload, incoming_key(upload.key))

    upload.refresh_from_db()
    assert upload.state == State.READY


def test_notification_about_a_form_sent_again_deletes_the_incoming_object(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin_form(alice, 100)
    store_form_object(bucket, upload, HELLO)
    lifecycle.advance(upload)
    store_form_object(bucket, upload, b"something else")

    with count_s3_calls(bucket) as calls:
        # The copy causes a notification about the upload's own key.
        notify(upload)
    assert calls == {}
    notify(upload, incoming_key(upload.key))

    assert not has_incoming_object(bucket, upload)
    assert stored_content(bucket, upload) == HELLO
