"""The sweeper settles rows in order. Several sweepers can run at once."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db.models import ProtectedError
from django.utils import timezone

from tests.support.builders import (
    begin,
    checksum,
    declare,
    event_kinds,
    let_time_pass,
    make_ready,
    put,
    quota_counts,
    send_parts,
)
from tests.support.storage_faults import (
    Killed,
    count_s3_calls,
    killed_at,
    s3_answers_500,
)
from tests.support.sweeps import abandon, nonzero_counts
from uploads import lifecycle
from uploads.errors import StorageUnavailable
from uploads.lifecycle import schedule
from uploads.models import Rate, StorageQuota, Upload
from uploads.s3.bucket import Bucket
from uploads.states import State, Transport
from uploads.upkeep.auditing import audit
from uploads.upkeep.sweeper import Limits, sweep

pytestmark = pytest.mark.django_db


def begin_parts(bucket: Bucket, owner: Any, content: bytes = b"hello") -> Upload:
    upload = lifecycle.start(
        owner=owner, declaration=declare(content, transport=Transport.MULTIPART)
    )
    lifecycle.presign_parts(upload, [lifecycle.WantedPart(1, checksum(content))])
    send_parts(bucket, upload, content)
    return upload


def begin_interrupted_inspection(bucket: Bucket, owner: Any) -> Upload:
    """Return an upload whose process died during its inspection."""
    upload = begin(owner)
    put(bucket, upload, b"hello")
    facts = bucket.head_object(upload.key)
    assert facts is not None
    lifecycle.move(upload, State.INSPECTING, etag=facts.etag)
    return upload


def test_sweep_without_due_rows_does_nothing(alice: Any, bucket: Bucket) -> None:
    make_ready(bucket, alice)
    begin(alice)

    assert nonzero_counts(sweep()) == {}


def test_overdue_upload_expires_and_releases_its_quota(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    let_time_pass(days=8)

    assert nonzero_counts(sweep()) == {"looked_at": 1, "expired": 1, "purged": 1}

    assert event_kinds(upload) == ["upload.started", "upload.expired"]
    assert quota_counts(alice) == (0, 0, 0, 0)
    assert nonzero_counts(sweep()) == {}


@pytest.mark.parametrize("transport", [Transport.PUT, Transport.MULTIPART])
def test_sweeper_completes_an_upload_whose_object_is_stored(
    alice: Any, bucket: Bucket, transport: Transport
) -> None:
    if transport == Transport.MULTIPART:
        begin_parts(bucket, alice)
    else:
        put(bucket, begin(alice), b"hello")
    let_time_pass(minutes=2)

    assert nonzero_counts(sweep()) == {"looked_at": 1, "completed": 1}

    assert quota_counts(alice) == (5, 0, 1, 0)
    assert list(audit()) == []


def test_sweeper_skips_an_upload_that_has_just_started(
    alice: Any, bucket: Bucket
) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        put(bucket, begin(alice), b"hello")

        assert nonzero_counts(sweep()) == {}


def test_pending_upload_is_checked_while_its_bytes_may_arrive(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)

    checked_rows = []
    for _ in range(10):
        let_time_pass(minutes=10)
        checked_rows.append(sweep().looked_at)

    # The URL was valid for 16 minutes. A request that started before its expiry can
    # take an hour.
    assert checked_rows == [1] * 8 + [0, 0]
    upload.refresh_from_db()
    assert upload.state == State.PENDING


def test_sweeper_finds_an_object_that_arrives_an_hour_after_the_urls_expiry(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    let_time_pass(minutes=14)
    sweep()

    let_time_pass(minutes=58)
    put(bucket, upload, b"hello")

    assert nonzero_counts(sweep()) == {"looked_at": 1, "completed": 1}


def test_bucket_sweep_finds_an_object_that_arrives_hours_after_the_urls_expiry(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    let_time_pass(hours=3)
    sweep()
    let_time_pass(hours=3)
    put(bucket, upload, b"hello")

    assert nonzero_counts(sweep()) == {"looked_at": 1, "completed": 1}


def test_sweeper_finishes_an_interrupted_inspection(alice: Any, bucket: Bucket) -> None:
    begin_interrupted_inspection(bucket, alice)
    let_time_pass(minutes=2)

    assert nonzero_counts(sweep()) == {"looked_at": 1, "completed": 1}

    assert quota_counts(alice) == (5, 0, 1, 0)


def test_sweeper_skips_an_inspection_that_has_just_started(
    alice: Any, bucket: Bucket
) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        begin_interrupted_inspection(bucket, alice)

        assert nonzero_counts(sweep()) == {}


def test_next_sweep_repeats_an_inspection_after_a_storage_error(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    put(bucket, upload, b"hello")

    with s3_answers_500(bucket, "GetObject"), pytest.raises(StorageUnavailable):
        lifecycle.advance(upload)

    assert nonzero_counts(sweep()) == {"looked_at": 1, "completed": 1}


def test_object_that_differs_is_rejected_and_purged(alice: Any, bucket: Bucket) -> None:
    upload = begin(alice)
    put(bucket, upload, b"other")
    let_time_pass(minutes=20)

    assert nonzero_counts(sweep()) == {"looked_at": 1, "rejected": 1, "purged": 1}

    assert bucket.head_object(upload.key) is None
    assert quota_counts(alice) == (0, 0, 0, 0)


def test_ended_upload_that_was_not_purged_is_purged_at_once(
    alice: Any, bucket: Bucket
) -> None:
    upload = abandon(bucket, alice)

    assert nonzero_counts(sweep()) == {"looked_at": 1}

    assert bucket.head_object(upload.key) is None
    upload.refresh_from_db()
    assert upload.purged_at is None  # its URL is valid, so bytes can arrive again


def test_ended_upload_is_purged_again_after_its_last_url_has_expired(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    lifecycle.remove(upload)
    assert nonzero_counts(sweep()) == {}
    put(bucket, upload, b"hello")
    let_time_pass(minutes=17)

    assert nonzero_counts(sweep()) == {"looked_at": 1, "purged": 1, "late_arrivals": 1}

    assert bucket.head_object(upload.key) is None
    assert nonzero_counts(sweep()) == {}


def test_purge_of_an_ended_upload_aborts_its_parts(alice: Any, bucket: Bucket) -> None:
    upload = begin_parts(bucket, alice)
    lifecycle.move(upload, State.CANCELLED)

    sweep()

    assert list(bucket.list_multipart_uploads(upload.key)) == []


def test_ready_upload_without_an_object_is_kept_and_reported_by_the_audit(
    alice: Any, bucket: Bucket
) -> None:
    upload = make_ready(bucket, alice)
    bucket.delete_object(upload.key)
    let_time_pass(days=30)

    assert nonzero_counts(sweep()) == {"looked_at": 1}
    assert nonzero_counts(sweep()) == {}

    assert Upload.objects.get().state == State.READY
    assert [found.kind for found in audit()] == ["row without an object"]


def test_person_with_uploads_cannot_be_deleted(alice: Any, bucket: Bucket) -> None:
    begin(alice)
    alice.is_active = False
    alice.save()
    let_time_pass(days=8)

    with pytest.raises(ProtectedError):
        alice.delete()
    assert nonzero_counts(sweep()) == {"looked_at": 1, "expired": 1, "purged": 1}


def test_each_sweep_settles_a_limited_number_of_rows(
    alice: Any, bucket: Bucket
) -> None:
    for _ in range(5):
        begin(alice)
    let_time_pass(days=8)

    expired = [sweep(limits=Limits(rows=2)).expired for _ in range(4)]

    assert expired == [2, 2, 1, 0]


def test_rows_that_were_checked_least_recently_are_settled_first(
    alice: Any, bucket: Bucket
) -> None:
    uploads = [begin(alice) for _ in range(3)]
    let_time_pass(minutes=2)
    for upload in uploads:
        seen_at = timezone.now() - timedelta(seconds=uploads.index(upload))
        Upload.objects.filter(pk=upload.pk).update(checked_at=seen_at)

    due = [row.pk for row in schedule.due(timezone.now(), limit=2)]

    assert due == [uploads[2].pk, uploads[1].pk]


def test_only_one_of_two_sweepers_claims_a_row(alice: Any, bucket: Bucket) -> None:
    begin(alice)
    let_time_pass(days=8)
    [one] = schedule.due(timezone.now(), limit=10)
    [other] = schedule.due(timezone.now(), limit=10)

    assert schedule.claim(one) is not None
    assert schedule.claim(other) is None
    assert list(schedule.due(timezone.now(), limit=10)) == []


def test_row_claimed_by_a_killed_sweeper_is_settled_after_the_lease(
    alice: Any, bucket: Bucket
) -> None:
    begin(alice)
    let_time_pass(days=8)
    [row] = schedule.due(timezone.now(), limit=10)
    schedule.claim(row)

    assert nonzero_counts(sweep()) == {}
    let_time_pass(minutes=6)
    assert nonzero_counts(sweep()) == {"looked_at": 1, "expired": 1, "purged": 1}


def test_dry_run_changes_nothing(alice: Any, bucket: Bucket) -> None:
    create_unsettled(bucket, alice)
    before = snapshot(bucket)

    with count_s3_calls(bucket) as calls:
        report = sweep(dry_run=True)

    assert report.looked_at == 6
    assert (report.late_arrivals, report.young_orphans, report.aborted) == (1, 1, 1)
    assert report.quotas_mended == 1
    assert snapshot(bucket) == before
    assert calls.keys() <= {
        "ListObjectsV2",
        "ListMultipartUploads",
        "ListObjectVersions",
    }


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_later_sweeps_settle_all_rows_after_a_kill_at_any_s3_call(
    alice: Any, bucket: Bucket, django_user_model: Any
) -> None:
    step = 1
    while True:
        step += 9
        owner = django_user_model.objects.create_user(f"person {step}")
        create_unsettled(bucket, owner)
        try:
            with killed_at(bucket, step):
                sweep()
        except Killed:
            finished = False
        else:
            finished = True
        for _ in range(2):
            let_time_pass(minutes=20)
            sweep()

        [orphan] = audit()  # the orphan is kept during its grace period
        assert orphan.kind == "object without a row"
        # Three uploads are ready. The overdue and the ended uploads use no quota.
        assert quota_counts(owner) == (15, 0, 3, 0)
        for upload in Upload.objects.filter(owner=owner):
            assert event_kinds(upload).count(f"upload.{upload.state}") == 1
        if finished:
            break
    assert step > 50, "The sweep made too few calls for this test."


def create_unsettled(bucket: Bucket, owner: Any) -> None:
    """Create one row or object of each kind that a sweeper must settle."""
    begin(owner)
    for upload in Upload.objects.filter(owner=owner):
        Upload.objects.filter(pk=upload.pk).update(expires_at=timezone.now())
    put(bucket, begin(owner), b"hello")
    begin_parts(bucket, owner)
    begin_interrupted_inspection(bucket, owner)
    abandon(bucket, owner)
    abandon(bucket, owner, State.EXPIRED)
    let_time_pass(minutes=20)
    StorageQuota.objects.filter(user=owner).update(used_bytes=77)
    closed = begin(owner)
    lifecycle.remove(closed)
    bucket.create_multipart_upload(closed.key, content_type="text/plain")
    Upload.objects.filter(pk=closed.pk).update(purged_at=timezone.now())
    put(bucket, closed, b"hello")
    bucket.client.put_object(Bucket=bucket.name, Key="uploads/orphan", Body=b"orphan")


def snapshot(bucket: Bucket) -> Any:
    """Return all rows and objects that a sweep could change."""
    rows = Upload.objects.order_by("pk").values()
    return (
        list(rows),
        list(StorageQuota.objects.values()),
        [entry.key for entry in bucket.list_objects("")],
        [entry.key for entry in bucket.list_multipart_uploads("")],
    )


def test_rate_rows_with_full_allowance_are_deleted(alice: Any, bucket: Bucket) -> None:
    now = time.time_ns()
    Rate.objects.create(key="start:user:1", tat=now - 1)
    Rate.objects.create(key="start:user:2", tat=now + 3600 * 10**9)

    assert nonzero_counts(sweep(dry_run=True)) == {}
    assert nonzero_counts(sweep()) == {"rates_forgotten": 1}
    assert Rate.objects.get().key == "start:user:2"
