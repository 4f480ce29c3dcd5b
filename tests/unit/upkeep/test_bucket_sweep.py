"""The sweeper deletes late objects, orphans and abandoned parts in the bucket."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.support.builders import begin, let_time_pass, make_ready, put
from tests.support.storage_faults import (
    Killed,
    count_s3_calls,
    killed_at,
    s3_answers_500,
)
from uploads import lifecycle
from uploads.models import Orphan, SweepMark, Upload
from uploads.s3.bucket import Bucket
from uploads.states import State
from uploads.upkeep.bucket_sweep import sweep_bucket, sweep_multipart_uploads
from uploads.upkeep.sweeper import Limits, Report, sweep

pytestmark = pytest.mark.django_db

FOUR_AT_A_TIME = Limits(objects=4, page=2)


def store(bucket: Bucket, *names: str) -> None:
    for name in names:
        bucket.client.put_object(Bucket=bucket.name, Key=f"uploads/{name}", Body=b"?")


def keys(bucket: Bucket) -> list[str]:
    return [entry.key for entry in bucket.list_objects("")]


def sweep_later(report: Report | None = None, **span: float) -> Report:
    """Sweep the bucket with a later time, because the clock of S3 cannot be set."""
    report = report or Report()
    later = timezone.now() + timedelta(**span)
    if sweep_bucket(report, now=later, dry_run=False):
        sweep_multipart_uploads(report, now=later, dry_run=False)
    return report


def test_object_that_arrives_after_the_purge_is_deleted(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    lifecycle.remove(upload)
    let_time_pass(minutes=20)
    sweep()
    upload.refresh_from_db()
    assert upload.purged_at is not None

    # This PUT started before its URL expired.
    put(bucket, upload, b"hello")

    assert sweep().late_arrivals == 1
    assert bucket.head_object(upload.key) is None


def test_objects_with_a_row_are_kept(alice: Any, bucket: Bucket) -> None:
    stored = make_ready(bucket, alice)
    arrived = begin(alice)
    put(bucket, arrived, b"hello")
    let_time_pass(days=100)

    report = sweep_later(days=100)

    assert report == Report()
    assert sorted(keys(bucket)) == sorted([stored.key, arrived.key])


def test_page_with_only_stored_files_updates_no_upload(
    alice: Any, bucket: Bucket
) -> None:
    """SQLite would read all ended uploads of the site to find none of them."""
    make_ready(bucket, alice)

    with CaptureQueriesContext(connection) as seen:
        sweep_bucket(
            Report(), now=timezone.now(), dry_run=False, max_objects=10, page_size=10
        )

    updates = [one["sql"] for one in seen if one["sql"].startswith("UPDATE")]
    assert not [sql for sql in updates if '"uploads_upload"' in sql]


def test_objects_outside_the_prefix_are_ignored(bucket: Bucket) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key="backups/db.dump", Body=b"?")

    assert sweep_later() == sweep_later(days=100) == Report()

    assert keys(bucket) == ["backups/db.dump"]


def test_orphan_is_recorded_and_deleted_after_the_grace_period(bucket: Bucket) -> None:
    store(bucket, "orphan")

    found = [
        (report.young_orphans, report.orphans)
        for report in (sweep_later(days=day) for day in (0, 1, 2, 2.9, 3.1, 4))
    ]

    assert found == [(1, 0), (1, 0), (1, 0), (1, 0), (0, 1), (0, 0)]
    assert keys(bucket) == []
    assert not Orphan.objects.exists()


def test_old_object_without_a_row_also_gets_the_grace_period(
    bucket: Bucket,
) -> None:
    """The restore of an old database leaves such objects."""
    store(bucket, "years-old")

    report = sweep_later(days=1000)

    assert (report.young_orphans, report.orphans) == (1, 0)
    assert keys(bucket) == ["uploads/years-old"]


def test_grace_period_restarts_after_a_pause_of_the_sweeper(bucket: Bucket) -> None:
    store(bucket, "orphan")
    sweep_later()

    report = sweep_later(days=10)

    assert (report.young_orphans, report.orphans) == (1, 0)


def test_orphan_that_gets_a_row_is_kept_and_its_record_deleted(
    alice: Any, bucket: Bucket
) -> None:
    upload = make_ready(bucket, alice)
    Upload.objects.filter(pk=upload.pk).update(key="uploads/lost")
    sweep_later()
    Upload.objects.filter(pk=upload.pk).update(key=upload.key)

    reports = [sweep_later(days=day) for day in (2, 3.5, 5)]

    assert reports == [Report()] * 3
    assert bucket.head_object(upload.key) is not None
    assert not Orphan.objects.exists()


def test_failed_deletion_of_an_orphan_is_counted_and_does_not_stop_the_sweep(
    bucket: Bucket,
) -> None:
    store(bucket, "held", "other")
    for day in (0, 1, 2):
        sweep_later(days=day)

    with s3_answers_500(bucket, "DeleteObject", key="uploads/held"):
        report = sweep_later(days=3.1)

    assert (report.orphans, report.failed) == (1, 1)
    assert keys(bucket) == ["uploads/held"]
    assert sweep_later(days=3.2).orphans == 1


def test_multipart_upload_of_an_ended_upload_is_aborted(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    lifecycle.remove(upload)
    bucket.create_multipart_upload(upload.key, content_type="text/plain")

    assert sweep_later().aborted == 1

    assert list(bucket.list_multipart_uploads("")) == []


# Limits, pages and concurrent sweepers


def test_large_bucket_is_swept_in_several_passes(bucket: Bucket) -> None:
    store(bucket, *"abcdefghi")

    young = [sweep(limits=FOUR_AT_A_TIME).young_orphans for _ in range(5)]

    # Three passes list four, four and one object. The fourth pass starts again at the
    # beginning.
    assert young == [4, 4, 1, 4, 4]
    assert Orphan.objects.count() == 9


def test_multipart_uploads_are_listed_once_per_round(
    alice: Any, bucket: Bucket
) -> None:
    store(bucket, *"abcdef")

    with count_s3_calls(bucket) as calls:
        for _ in range(4):
            sweep(limits=FOUR_AT_A_TIME)

    # Each pass also lists the incoming objects of forms.
    assert calls == {
        "ListObjectsV2": 12,
        "ListMultipartUploads": 2,
        "ListObjectVersions": 2,
    }


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_later_sweeps_see_every_object_after_a_kill_at_any_s3_call(
    bucket: Bucket,
) -> None:
    store(bucket, *"abcdefghi")

    for step in range(1, 30, 2):
        Orphan.objects.all().delete()
        with suppress(Killed), killed_at(bucket, step):
            sweep(limits=FOUR_AT_A_TIME)
        for _ in range(3):  # the bucket has three pages
            sweep(limits=FOUR_AT_A_TIME)

        assert Orphan.objects.count() == 9


def test_sweeper_skips_a_page_that_another_sweeper_has_claimed(bucket: Bucket) -> None:
    store(bucket, *"abcd")
    reports: list[Report] = []

    def sweep_meanwhile(**_: Any) -> None:
        if not reports:
            reports.append(Report())
            sweep(
                limits=FOUR_AT_A_TIME
            )  # another sweeper runs between the list and the claim

    bucket.client.meta.events.register("before-call.s3.ListObjectsV2", sweep_meanwhile)
    report = sweep(limits=FOUR_AT_A_TIME)
    bucket.client.meta.events.unregister(
        "before-call.s3.ListObjectsV2", sweep_meanwhile
    )

    assert report.young_orphans == 0


def test_dry_run_reports_one_page_and_saves_no_position(bucket: Bucket) -> None:
    store(bucket, *"abcdefghi")

    reports = [sweep(dry_run=True, limits=FOUR_AT_A_TIME) for _ in range(2)]

    assert [report.young_orphans for report in reports] == [4, 4]
    assert not SweepMark.objects.exists()
    assert not Orphan.objects.exists()


def test_failed_listing_is_counted_and_does_not_move_the_position(
    bucket: Bucket,
) -> None:
    store(bucket, *"abcdefghi")
    sweep(limits=FOUR_AT_A_TIME)

    with s3_answers_500(bucket):
        assert sweep(limits=FOUR_AT_A_TIME) == Report(failed=1)

    assert SweepMark.objects.get(name="objects").after_key == "uploads/d"
    assert sweep(limits=FOUR_AT_A_TIME).young_orphans == 4


def test_object_of_a_pending_upload_makes_its_row_due(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    let_time_pass(days=1)
    Upload.objects.update(checked_at=timezone.now())
    put(bucket, upload, b"hello")

    sweep_later()

    assert Upload.objects.get().checked_at is None
    assert sweep().completed == 1
    assert Upload.objects.get().state == State.READY
