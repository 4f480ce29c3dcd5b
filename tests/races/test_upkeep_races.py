"""Sweepers, a consumer and browsers use the same uploads concurrently."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from tests.races.consistency import assert_consistent
from tests.races.files import declare, send
from tests.races.threads import race
from tests.support.builders import let_time_pass
from tests.support.storage_faults import count_s3_calls
from uploads import lifecycle
from uploads.conf import options
from uploads.errors import Incomplete, InvalidState
from uploads.lifecycle import quota
from uploads.models import Orphan, Upload
from uploads.s3.bucket import Bucket
from uploads.states import RESERVING, State, Transport
from uploads.upkeep.auditing import audit
from uploads.upkeep.bucket_sweep import sweep_multipart_uploads
from uploads.upkeep.intake import Intake, take_in
from uploads.upkeep.sweeper import Report, sweep

CONTENT = b"hello"
OVERDUE, ABANDONED, WAITING = 6, 6, 4


def start_upload(owner: Any, transport: Transport = Transport.PUT) -> Upload:
    return lifecycle.start(
        owner=owner, declaration=declare(CONTENT, transport=transport)
    )


def start_and_send(owner: Any, transport: Transport = Transport.PUT) -> Upload:
    upload = start_upload(owner, transport)
    send(upload, CONTENT)
    return upload


def leave_in_inspection(bucket: Bucket, owner: Any) -> None:
    upload = start_and_send(owner)
    facts = bucket.head_object(upload.key)
    assert facts is not None
    lifecycle.move(upload, State.INSPECTING, etag=facts.etag)


def create_unfinished_uploads(
    bucket: Bucket, owner: Any, *, waiting: int = WAITING
) -> None:
    """Create 40 unfinished uploads, in every state that needs a sweeper or a client."""
    for _ in range(10):
        start_and_send(owner)
    for _ in range(8):
        start_and_send(owner, Transport.MULTIPART)
    for _ in range(6):
        leave_in_inspection(bucket, owner)
    for _ in range(ABANDONED):
        lifecycle.move(start_and_send(owner), State.CANCELLED)
    for _ in range(waiting):
        lifecycle.presign(start_upload(owner))
    for _ in range(OVERDUE):
        upload = start_upload(owner)
        lifecycle.presign(upload)
        Upload.objects.filter(pk=upload.pk).update(expires_at=timezone.now())
    let_time_pass(minutes=20)


def consume(uploads: list[Upload]) -> Intake:
    """Process two notifications for each upload, in random order."""
    total = Intake()
    for upload in random.Random(7).sample(uploads * 2, len(uploads) * 2):
        entity = {"bucket": {"name": "slipway"}, "object": {"key": upload.key}}
        record = {"eventName": "ObjectCreated:Put", "s3": entity}
        total.add(take_in(json.dumps({"Records": [record]})))
    return total


def complete(uploads: list[Upload]) -> list[str]:
    """Complete each upload, as the owner's page does."""
    states = []
    for upload in uploads:
        row = Upload.objects.get(pk=upload.pk)
        try:
            states.append(str(lifecycle.advance(row).state))
        except (Incomplete, InvalidState) as refusal:
            states.append(refusal.code)
    return states


def test_sweepers_consumer_and_browsers_settle_40_uploads_once(
    alice: Any, bucket: Bucket
) -> None:
    create_unfinished_uploads(bucket, alice)
    uploads = list(Upload.objects.order_by("pk"))
    assert len(uploads) == 40
    arrived = [row for row in uploads if row.urls_expire_at and not row.is_overdue]
    known = [row for row in arrived if row.state != State.CANCELLED]

    pages = [partial(complete, uploads[start::4]) for start in range(4)]
    acts: list[Callable[[], Any]] = [sweep, sweep, partial(consume, known), *pages]
    one, other, taken, *answers = race(acts)

    assert isinstance(one, Report), one
    assert isinstance(other, Report), other
    assert one.failed == other.failed == 0
    assert taken == Intake(handled=2 * len(known))
    codes = {"ready", "inspecting", "incomplete", "invalid_state"}
    assert {code for states in answers for code in states} <= codes
    assert one.looked_at + other.looked_at <= 40
    assert one.expired + other.expired == OVERDUE
    for upload in Upload.objects.filter(state=State.READY):
        assert upload.events.filter(kind="upload.ready").count() == 1
    assert Upload.objects.filter(state=State.READY).count() == 24
    assert list(audit()) == []

    let_time_pass(days=8)
    assert sweep().expired == WAITING
    now = quota.usage(alice)
    assert (now.used_bytes, now.reserved_bytes) == (24 * len(CONTENT), 0)
    assert (now.file_count, now.reserved_files) == (24, 0)
    assert list(audit()) == []
    assert_consistent(bucket)


def test_four_sweepers_repeat_no_work(alice: Any, bucket: Bucket) -> None:
    create_unfinished_uploads(bucket, alice, waiting=0)

    with count_s3_calls(bucket) as calls:
        reports = race([sweep] * 4)

    assert [report.failed for report in reports] == [0] * 4
    assert sum(report.looked_at for report in reports) == 36
    assert sum(report.completed for report in reports) == 24
    assert sum(report.purged for report in reports) == OVERDUE + ABANDONED
    assert calls["CompleteMultipartUpload"] == 8
    # No doctor has checked this bucket's capabilities. So the site checks each key
    # before it joins parts, and reads each object back.
    assert calls["HeadObject"] == 10 + 8 + OVERDUE + 8
    assert calls["GetObject"] == 24 + 24
    assert calls["DeleteObject"] == OVERDUE + ABANDONED
    assert list(audit()) == []


def test_sweepers_during_cancels_settle_all_uploads(alice: Any, bucket: Bucket) -> None:
    create_unfinished_uploads(bucket, alice)
    uploads = list(Upload.objects.all())

    def remove_all() -> int:
        for upload in uploads:
            lifecycle.remove(Upload.objects.get(pk=upload.pk), actor=alice)
        return len(uploads)

    acts: list[Callable[[], Any]] = [sweep, sweep, remove_all, remove_all]
    one, other, *removed = race(acts)

    assert one.failed == other.failed == 0
    assert removed == [40, 40]
    sweep()
    assert not Upload.objects.filter(state__in={*RESERVING, State.READY}).exists()
    assert quota.usage(alice).used_bytes == quota.usage(alice).reserved_bytes == 0
    assert list(audit()) == []


def test_quota_repair_during_uploads_keeps_correct_counters(
    alice: Any, bucket: Bucket
) -> None:
    def start_and_cancel() -> None:
        for _ in range(10):
            lifecycle.remove(start_upload(alice))

    reports = race([start_and_cancel, start_and_cancel, *[sweep] * 2])[2:]

    assert [report.quotas_mended for report in reports] == [0, 0]
    assert quota.usage(alice).reserved_bytes == 0


def test_two_sweepers_record_an_orphan_once(bucket: Bucket) -> None:
    prefix = options().key_prefix
    for number in range(5):
        bucket.client.put_object(
            Bucket=bucket.name, Key=f"{prefix}{number}", Body=b"orphan"
        )

    reports = race([sweep] * 4)

    assert [report.failed for report in reports] == [0] * 4
    assert Orphan.objects.count() == 5


@pytest.mark.parametrize(
    ("age", "aborted"), [(timedelta(hours=0.9), 0), (timedelta(hours=1.1), 1)]
)
def test_second_multipart_upload_of_a_row_is_aborted_after_an_hour(
    alice: Any, bucket: Bucket, age: timedelta, aborted: int
) -> None:
    upload = start_upload(alice, Transport.MULTIPART)
    bucket.create_multipart_upload(upload.key, content_type="text/plain")
    report = Report()

    sweep_multipart_uploads(report, now=timezone.now() + age, dry_run=False)

    assert report.aborted == aborted
    left = [entry.multipart_id for entry in bucket.list_multipart_uploads(upload.key)]
    assert len(left) == 2 - aborted
    assert upload.multipart_id in left


def test_sweep_that_expires_an_upload_aborts_its_second_multipart_upload(
    alice: Any, bucket: Bucket
) -> None:
    upload = start_upload(alice, Transport.MULTIPART)
    bucket.create_multipart_upload(upload.key, content_type="text/plain")
    let_time_pass(days=9)

    report = sweep()

    assert (report.expired, report.aborted) == (1, 1)
    assert list(bucket.list_multipart_uploads(upload.key)) == []


@pytest.mark.parametrize(
    ("age", "aborted"), [(timedelta(days=2.9), 0), (timedelta(days=3.1), 1)]
)
def test_multipart_upload_without_a_row_is_aborted_after_three_days(
    bucket: Bucket, age: timedelta, aborted: int
) -> None:
    prefix = options().key_prefix
    bucket.create_multipart_upload(f"{prefix}nobody", content_type="text/plain")
    report = Report()

    sweep_multipart_uploads(report, now=timezone.now() + age, dry_run=False)

    assert report.aborted == aborted
