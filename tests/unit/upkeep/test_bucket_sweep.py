"""The sweeper over the bucket: late arrivals, orphans, parts of nobody."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.support.builders import begin, let_time_pass, make_ready, put
from tests.support.storage_faults import Killed, counted, killed_at, refusing
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
    """Sweep the bucket as if it were later: S3's own clock cannot be set."""
    report = report or Report()
    later = timezone.now() + timedelta(**span)
    if sweep_bucket(report, now=later, dry_run=False):
        sweep_multipart_uploads(report, now=later, dry_run=False)
    return report


def test_bytes_that_come_after_the_purge_are_removed(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    lifecycle.remove(upload)
    let_time_pass(minutes=20)
    sweep()
    upload.refresh_from_db()
    assert upload.purged_at is not None

    put(bucket, upload, b"hello")  # a PUT that began before its URL died

    assert sweep().late_arrivals == 1
    assert bucket.head_object(upload.key) is None


def test_files_that_somebody_owns_are_left_alone(alice: Any, bucket: Bucket) -> None:
    stored = make_ready(bucket, alice)
    arrived = begin(alice)
    put(bucket, arrived, b"hello")
    let_time_pass(days=100)

    report = sweep_later(days=100)

    assert report == Report()
    assert sorted(keys(bucket)) == sorted([stored.key, arrived.key])


def test_what_lies_outside_the_prefix_is_none_of_ours(bucket: Bucket) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key="backups/db.dump", Body=b"?")

    assert sweep_later() == sweep_later(days=100) == Report()

    assert keys(bucket) == ["backups/db.dump"]


def test_an_orphan_is_noticed_first_and_removed_after_days(bucket: Bucket) -> None:
    store(bucket, "orphan")

    found = [
        (report.young_orphans, report.orphans)
        for report in (sweep_later(days=day) for day in (0, 1, 2, 2.9, 3.1, 4))
    ]

    assert found == [(1, 0), (1, 0), (1, 0), (1, 0), (0, 1), (0, 0)]
    assert keys(bucket) == []
    assert not Orphan.objects.exists()


def test_an_old_object_that_has_just_lost_its_row_is_not_removed_at_once(
    bucket: Bucket,
) -> None:
    """As after the restore of a database that is older than the grace."""
    store(bucket, "years-old")

    report = sweep_later(days=1000)

    assert (report.young_orphans, report.orphans) == (1, 0)
    assert keys(bucket) == ["uploads/years-old"]


def test_a_sweeper_that_was_away_begins_the_grace_anew(bucket: Bucket) -> None:
    store(bucket, "orphan")
    sweep_later()

    report = sweep_later(days=10)

    assert (report.young_orphans, report.orphans) == (1, 0)


def test_an_orphan_that_gets_its_row_back_is_kept_and_forgotten(
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


def test_an_orphan_that_cannot_be_removed_is_counted_and_stops_nothing(
    bucket: Bucket,
) -> None:
    store(bucket, "held", "other")
    for day in (0, 1, 2):
        sweep_later(days=day)

    with refusing(bucket, "DeleteObject", key="uploads/held"):
        report = sweep_later(days=3.1)

    assert (report.orphans, report.failed) == (1, 1)
    assert keys(bucket) == ["uploads/held"]
    assert sweep_later(days=3.2).orphans == 1


def test_parts_of_an_upload_that_is_over_are_aborted(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    lifecycle.remove(upload)
    bucket.create_multipart_upload(upload.key, content_type="text/plain")

    assert sweep_later().aborted == 1

    assert list(bucket.list_multipart_uploads("")) == []


# Bounds, turns, and many sweepers


def test_a_long_bucket_takes_several_passes(bucket: Bucket) -> None:
    store(bucket, *"abcdefghi")

    young = [sweep(limits=FOUR_AT_A_TIME).young_orphans for _ in range(5)]

    # Four, four, the last one; and once more from the beginning.
    assert young == [4, 4, 1, 4, 4]
    assert Orphan.objects.count() == 9


def test_parts_are_looked_at_once_a_round(alice: Any, bucket: Bucket) -> None:
    store(bucket, *"abcdef")

    with counted(bucket) as calls:
        for _ in range(4):
            sweep(limits=FOUR_AT_A_TIME)

    # Two lists a pass: what forms have sent is looked at each time.
    assert calls == {
        "ListObjectsV2": 12,
        "ListMultipartUploads": 2,
        "ListObjectVersions": 2,
    }


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_wherever_a_pass_is_killed_later_ones_see_every_object(bucket: Bucket) -> None:
    store(bucket, *"abcdefghi")

    for step in range(1, 30, 2):
        Orphan.objects.all().delete()
        with suppress(Killed), killed_at(bucket, step):
            sweep(limits=FOUR_AT_A_TIME)
        for _ in range(3):  # so many pages there are
            sweep(limits=FOUR_AT_A_TIME)

        assert Orphan.objects.count() == 9


def test_a_sweeper_that_finds_its_page_taken_leaves_it(bucket: Bucket) -> None:
    store(bucket, *"abcd")
    reports: list[Report] = []

    def overtake(**_: Any) -> None:
        if not reports:
            reports.append(Report())
            sweep(limits=FOUR_AT_A_TIME)  # another sweeper, between list and claim

    bucket.client.meta.events.register("before-call.s3.ListObjectsV2", overtake)
    report = sweep(limits=FOUR_AT_A_TIME)
    bucket.client.meta.events.unregister("before-call.s3.ListObjectsV2", overtake)

    assert report.young_orphans == 0


def test_a_dry_run_shows_the_next_pages_and_leaves_the_mark(bucket: Bucket) -> None:
    store(bucket, *"abcdefghi")

    reports = [sweep(dry_run=True, limits=FOUR_AT_A_TIME) for _ in range(2)]

    assert [report.young_orphans for report in reports] == [4, 4]
    assert not SweepMark.objects.exists()
    assert not Orphan.objects.exists()


def test_a_bucket_that_does_not_answer_is_counted_and_the_mark_stays(
    bucket: Bucket,
) -> None:
    store(bucket, *"abcdefghi")
    sweep(limits=FOUR_AT_A_TIME)

    with refusing(bucket):
        assert sweep(limits=FOUR_AT_A_TIME) == Report(failed=1)

    assert SweepMark.objects.get(name="objects").after_key == "uploads/d"
    assert sweep(limits=FOUR_AT_A_TIME).young_orphans == 4


def test_an_object_of_a_pending_upload_makes_the_row_due_again(
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
