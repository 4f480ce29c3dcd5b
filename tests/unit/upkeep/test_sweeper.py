"""The sweeper over the rows: what it settles, in which order, and after failures."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
import time_machine
from django.db import DataError, InterfaceError, OperationalError
from django.db.models import ProtectedError
from django.utils import timezone

from tests.support.builders import (
    begin,
    checksum,
    declare,
    held,
    kinds,
    let_time_pass,
    make_ready,
    put,
    send_parts,
)
from tests.support.storage_faults import Killed, counted, killed_at, refusing
from uploads import lifecycle
from uploads.errors import StorageUnavailable
from uploads.lifecycle import schedule
from uploads.lifecycle.reconciliation import reconcile
from uploads.models import Rate, StorageQuota, Upload
from uploads.models.event import changeable_events
from uploads.s3.bucket import Bucket
from uploads.states import State, Transport
from uploads.upkeep import bucket_sweep, sweeper
from uploads.upkeep.auditing import audit
from uploads.upkeep.sweeper import FAILED_LOOKS, Limits, Report, sweep

pytestmark = pytest.mark.django_db


def told(report: Report) -> dict[str, int]:
    """Return what a report tells of, without its zeros."""
    return {name: count for name, count in report.as_dict().items() if count}


def begin_parts(bucket: Bucket, owner: Any, content: bytes = b"hello") -> Upload:
    upload = lifecycle.start(
        owner=owner, declaration=declare(content, transport=Transport.MULTIPART)
    )
    lifecycle.presign_parts(upload, [lifecycle.WantedPart(1, checksum(content))])
    send_parts(bucket, upload, content)
    return upload


def abandon(bucket: Bucket, owner: Any, state: State = State.CANCELLED) -> Upload:
    """Leave an upload as a process does that dies between the move and the purge."""
    upload = begin(owner)
    put(bucket, upload, b"hello")
    lifecycle.move(upload, state)
    return upload


def stick(bucket: Bucket, owner: Any) -> Upload:
    """Leave an upload as a process does that dies during its inspection."""
    upload = begin(owner)
    put(bucket, upload, b"hello")
    facts = bucket.head_object(upload.key)
    assert facts is not None
    lifecycle.move(upload, State.INSPECTING, etag=facts.etag)
    return upload


def test_nothing_to_do_is_nothing_done(alice: Any, bucket: Bucket) -> None:
    make_ready(bucket, alice)
    begin(alice)

    assert told(sweep()) == {}


def test_an_overdue_upload_expires_and_gives_its_bytes_back(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    let_time_pass(days=8)

    assert told(sweep()) == {"looked_at": 1, "expired": 1, "purged": 1}

    assert kinds(upload) == ["upload.started", "upload.expired"]
    assert held(alice) == (0, 0, 0, 0)
    assert told(sweep()) == {}


@pytest.mark.parametrize("transport", [Transport.PUT, Transport.MULTIPART])
def test_what_arrived_and_was_never_completed_becomes_ready(
    alice: Any, bucket: Bucket, transport: Transport
) -> None:
    if transport == Transport.MULTIPART:
        begin_parts(bucket, alice)
    else:
        put(bucket, begin(alice), b"hello")
    let_time_pass(minutes=2)

    assert told(sweep()) == {"looked_at": 1, "completed": 1}

    assert held(alice) == (5, 0, 1, 0)
    assert list(audit()) == []


def test_a_young_upload_is_left_to_its_browser(alice: Any, bucket: Bucket) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        put(bucket, begin(alice), b"hello")

        assert told(sweep()) == {}


def test_an_upload_that_waits_is_asked_about_while_bytes_may_come(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)

    asked = []
    for _ in range(10):
        let_time_pass(minutes=10)
        asked.append(sweep().looked_at)

    # Its URL lived for 16 minutes, and a request may take an hour from then.
    assert asked == [1] * 8 + [0, 0]
    upload.refresh_from_db()
    assert upload.state == State.PENDING


def test_a_put_that_lands_an_hour_after_its_url_died_is_found(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    let_time_pass(minutes=14)
    sweep()

    let_time_pass(minutes=58)
    put(bucket, upload, b"hello")

    assert told(sweep()) == {"looked_at": 1, "completed": 1}


def test_a_put_that_lands_hours_later_is_found_in_the_bucket(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    let_time_pass(hours=3)
    sweep()
    let_time_pass(hours=3)
    put(bucket, upload, b"hello")

    assert told(sweep()) == {"looked_at": 1, "completed": 1}


def test_a_stuck_inspection_is_finished(alice: Any, bucket: Bucket) -> None:
    stick(bucket, alice)
    let_time_pass(minutes=2)

    assert told(sweep()) == {"looked_at": 1, "completed": 1}

    assert held(alice) == (5, 0, 1, 0)


def test_an_inspection_that_has_just_begun_is_left_alone(
    alice: Any, bucket: Bucket
) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        stick(bucket, alice)

        assert told(sweep()) == {}


def test_an_inspection_that_was_given_up_is_begun_anew_at_once(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    put(bucket, upload, b"hello")

    with refusing(bucket, "GetObject"), pytest.raises(StorageUnavailable):
        lifecycle.advance(upload)

    assert told(sweep()) == {"looked_at": 1, "completed": 1}


def test_bytes_that_are_refused_are_rejected_and_purged(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    put(bucket, upload, b"other")
    let_time_pass(minutes=20)

    assert told(sweep()) == {"looked_at": 1, "rejected": 1, "purged": 1}

    assert bucket.head_object(upload.key) is None
    assert held(alice) == (0, 0, 0, 0)


def test_a_purge_that_never_happened_happens_at_once(
    alice: Any, bucket: Bucket
) -> None:
    upload = abandon(bucket, alice)

    assert told(sweep()) == {"looked_at": 1}

    assert bucket.head_object(upload.key) is None
    upload.refresh_from_db()
    assert upload.purged_at is None  # its URL lives: bytes may come again


def test_a_tombstone_is_purged_again_when_its_last_url_has_died(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    lifecycle.remove(upload)
    assert told(sweep()) == {}
    put(bucket, upload, b"hello")
    let_time_pass(minutes=17)

    assert told(sweep()) == {"looked_at": 1, "purged": 1, "late_arrivals": 1}

    assert bucket.head_object(upload.key) is None
    assert told(sweep()) == {}


def test_parts_of_what_is_over_go_with_it(alice: Any, bucket: Bucket) -> None:
    upload = begin_parts(bucket, alice)
    lifecycle.move(upload, State.CANCELLED)

    sweep()

    assert list(bucket.list_multipart_uploads(upload.key)) == []


def test_a_ready_upload_whose_object_vanished_is_kept_and_told_by_the_audit(
    alice: Any, bucket: Bucket
) -> None:
    upload = make_ready(bucket, alice)
    bucket.delete_object(upload.key)
    let_time_pass(days=30)

    assert told(sweep()) == {"looked_at": 1}
    assert told(sweep()) == {}

    assert Upload.objects.get().state == State.READY
    assert [found.kind for found in audit()] == ["row without an object"]


def test_a_person_with_uploads_cannot_be_deleted_and_their_uploads_are_settled(
    alice: Any, bucket: Bucket
) -> None:
    begin(alice)
    alice.is_active = False
    alice.save()
    let_time_pass(days=8)

    with pytest.raises(ProtectedError):
        alice.delete()
    assert told(sweep()) == {"looked_at": 1, "expired": 1, "purged": 1}


# What does not work


def test_storage_that_is_down_is_counted_once_and_the_next_pass_goes_on(
    alice: Any, bucket: Bucket
) -> None:
    uploads = [begin(alice) for _ in range(3)]
    for upload in uploads:
        put(bucket, upload, b"hello")
    let_time_pass(minutes=2)

    with counted(bucket) as calls, refusing(bucket):
        assert told(sweep()) == {"failed": 1}

    assert calls.total() == 1
    assert told(sweep()) == {"looked_at": 3, "completed": 3}


def test_storage_that_is_down_does_not_count_as_a_look(
    alice: Any, bucket: Bucket
) -> None:
    begin(alice)
    begin(alice)
    let_time_pass(minutes=2)

    with counted(bucket) as calls, refusing(bucket, "HeadObject", "HeadBucket"):
        assert told(sweep()) == {"looked_at": 1, "failed": 1}

    # One that failed, and one to learn that all the others would.
    assert (calls["HeadObject"], calls["HeadBucket"]) == (1, 1)
    for row in Upload.objects.all():
        assert (row.checked_at, row.retry_at, row.failed_checks) == (None, None, 0)


def test_a_purge_that_fails_is_counted_and_repeated_by_the_next_pass(
    alice: Any, bucket: Bucket
) -> None:
    abandon(bucket, alice)
    let_time_pass(minutes=20)

    with refusing(bucket, "DeleteObject"):
        report = sweep()

    assert told(report) == {"looked_at": 1, "failed": 1}
    assert told(sweep()) == {"looked_at": 1, "purged": 1}


def test_a_row_that_always_fails_waits_longer_and_longer(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    let_time_pass(days=8)

    looked_at = []
    with (
        time_machine.travel(timezone.now(), tick=False),
        refusing(bucket, "HeadObject", key=upload.key),
    ):
        for minute in range(120):
            if minute < 5 or list(schedule.due(timezone.now(), limit=1)):
                looked_at.append(sweep().looked_at)
            let_time_pass(minutes=1)

    # At once, after 30 s, 1, 2, 4 .. minutes; not 120 times in two hours.
    assert looked_at[:5] == [1, 1, 1, 1, 0]
    assert sum(looked_at) == 9
    let_time_pass(hours=1)
    assert told(sweep()) == {"looked_at": 1, "expired": 1, "purged": 1}
    assert Upload.objects.get().failed_checks == 0


def test_rows_that_always_fail_keep_nobody_waiting(alice: Any, bucket: Bucket) -> None:
    failing = [begin(alice) for _ in range(4)]
    let_time_pass(days=8)
    with refusing(bucket, "HeadObject"):
        for _ in range(2):
            sweep()
    assert set(Upload.objects.values_list("failed_checks", flat=True)) == {2}
    good = [begin(alice) for _ in range(2)]
    Upload.objects.filter(pk__in=[row.pk for row in good]).update(
        expires_at=timezone.now()
    )
    let_time_pass(hours=1)

    with refusing(bucket, "HeadObject", key=failing[0].key):
        report = sweep(limits=Limits(rows=2))

    assert (report.expired, report.failed) == (2, 0)
    states = {row.pk: row.state for row in Upload.objects.all()}
    assert {states[row.pk] for row in good} == {State.EXPIRED}


def test_a_row_that_breaks_something_stops_nothing_else(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_on_poison(upload: Upload, **options: Any) -> State:
        if upload.filename == "poison.txt":
            raise ZeroDivisionError
        return reconcile(upload, **options)

    monkeypatch.setattr(sweeper, "reconcile", break_on_poison)
    put(bucket, begin(alice, filename="poison.txt"), b"hello")
    put(bucket, begin(alice), b"hello")
    let_time_pass(minutes=2)

    report = sweep()

    assert told(report) == {"looked_at": 2, "completed": 1, "failed": 1}


def break_completion(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let the completion of ``poison.txt`` raise what nobody expects there."""

    def complete(upload: Upload, **options: Any) -> Upload:
        if upload.filename == "poison.txt":
            raise error
        return whole(upload, **options)

    whole = lifecycle.advance
    monkeypatch.setattr(lifecycle, "advance", complete)


def fail_for_long() -> None:
    """Count as many failed looks as there must be before an upload is given up."""
    Upload.objects.update(failed_checks=FAILED_LOOKS, faults=FAILED_LOOKS)


def test_an_overdue_upload_that_breaks_something_ends_a_day_later(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin(alice, filename="poison.txt")
    put(bucket, upload, b"hello")
    break_completion(monkeypatch, ZeroDivisionError("a fault of ours"))
    fail_for_long()

    let_time_pass(days=7, hours=23)
    assert told(sweep()) == {"looked_at": 1, "failed": 1}
    assert held(alice) == (0, 5, 0, 1)

    let_time_pass(hours=2)
    report = sweep()

    assert told(report) == {"looked_at": 1, "expired": 1, "given_up": 1, "failed": 1}
    assert held(alice) == (0, 0, 0, 0)
    event = upload.events.get(kind="upload.expired")
    assert event.detail == {"reason": "not settled: ZeroDivisionError"}
    sweep()
    assert bucket.head_object(upload.key) is None
    assert told(sweep()) == {}


def test_many_looks_fail_before_an_upload_is_given_up(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bucket, begin(alice, filename="poison.txt"), b"hello")
    break_completion(monkeypatch, ZeroDivisionError("a fault of ours"))
    let_time_pass(days=30)
    monkeypatch.setattr(sweeper, "FAILED_LOOKS", 8)

    for _ in range(8):
        assert told(sweep()) == {"looked_at": 1, "failed": 1}
        let_time_pass(hours=1)

    assert sweep().given_up == 1


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError, DataError])
def test_a_whole_file_outlives_the_databases_troubles(
    alice: Any,
    bucket: Bucket,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Exception],
) -> None:
    upload = begin(alice, filename="poison.txt")
    put(bucket, upload, b"hello")
    let_time_pass(days=30)
    fail_for_long()

    with monkeypatch.context() as patch:
        break_completion(patch, kind("deadlock detected"))
        assert told(sweep()) == {"looked_at": 1, "failed": 1}

    let_time_pass(hours=1)
    assert told(sweep()) == {"looked_at": 1, "completed": 1}


def erase(upload: Upload) -> None:
    """Take the row away, as ``erase_user`` in another process."""
    with changeable_events("erasure") as events:
        events.filter(upload=upload).update(upload=None)
        Upload.objects.get(pk=upload.pk).delete()


@pytest.mark.parametrize("days", [0, 30])
@pytest.mark.parametrize("error", [None, ZeroDivisionError("a fault of ours")])
def test_a_row_that_is_erased_meanwhile_stops_nothing_else(
    alice: Any,
    bucket: Bucket,
    monkeypatch: pytest.MonkeyPatch,
    days: int,
    error: Exception | None,
) -> None:
    def vanish(upload: Upload, **options: Any) -> Upload:
        if upload.filename == "poison.txt":
            erase(upload)
            if error is not None:
                raise error
            upload.refresh_from_db()
        return whole(upload, **options)

    whole = lifecycle.advance
    monkeypatch.setattr(lifecycle, "advance", vanish)
    put(bucket, begin(alice, filename="poison.txt"), b"hello")
    put(bucket, begin(alice), b"hello")
    let_time_pass(days=days, minutes=2)
    fail_for_long()

    assert sweep().completed == 1
    assert Upload.objects.get().state == State.READY


def test_a_row_that_is_erased_while_it_is_claimed_is_nobodys(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin(alice)

    def erased(*_: Any, **__: Any) -> None:
        raise Upload.DoesNotExist

    monkeypatch.setattr(Upload, "refresh_from_db", erased)

    assert schedule.claim(upload) is None


def test_what_is_mended_in_time_is_not_lost(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bucket, begin(alice, filename="poison.txt"), b"hello")
    let_time_pass(days=7, hours=1)
    with monkeypatch.context() as patch:
        break_completion(patch, ZeroDivisionError("a fault of ours"))
        sweep()

    let_time_pass(days=2)

    assert told(sweep()) == {"looked_at": 1, "completed": 1}


def test_nothing_is_given_up_while_the_bucket_does_not_answer(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(alice, filename="poison.txt")
    break_completion(monkeypatch, ZeroDivisionError("a fault of ours"))
    let_time_pass(days=30)
    fail_for_long()
    listed = bucket_sweep.sweep_bucket
    monkeypatch.setattr(bucket_sweep, "sweep_bucket", lambda *_, **__: False)

    with refusing(bucket):
        assert told(sweep()) == {"looked_at": 1, "failed": 1}
    assert Upload.objects.get().state == State.PENDING

    monkeypatch.setattr(bucket_sweep, "sweep_bucket", listed)
    assert sweep().given_up == 1


def test_an_end_that_breaks_too_is_tried_again(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(alice, filename="poison.txt")
    put(bucket, begin(alice), b"hello")
    break_completion(monkeypatch, ZeroDivisionError("a fault of ours"))
    let_time_pass(days=30)
    Upload.objects.filter(filename="poison.txt").update(faults=FAILED_LOOKS)

    with monkeypatch.context() as patch:
        patch.setattr(lifecycle, "expire", Mock(side_effect=ZeroDivisionError))
        assert told(sweep()) == {"looked_at": 2, "completed": 1, "failed": 1}

    let_time_pass(hours=1)
    assert sweep().given_up == 1


def test_one_row_that_the_database_chokes_on_stops_nothing_else(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bucket, begin(alice, filename="poison.txt"), b"hello")
    put(bucket, begin(alice), b"hello")
    break_completion(monkeypatch, OperationalError("deadlock detected"))
    let_time_pass(minutes=2)

    assert told(sweep()) == {"looked_at": 2, "completed": 1, "failed": 1}


def test_a_database_that_is_away_ends_the_pass(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bucket, begin(alice, filename="poison.txt"), b"hello")
    away = OperationalError("the connection was lost")
    break_completion(monkeypatch, away)
    monkeypatch.setattr(sweeper, "_require_database", Mock(side_effect=away))
    let_time_pass(minutes=2)

    with pytest.raises(OperationalError):
        sweep()


def test_a_quota_that_counts_too_little_is_mended_before_rows_are_settled(
    alice: Any, bucket: Bucket
) -> None:
    begin(alice)
    StorageQuota.objects.update(reserved_bytes=0, reserved_files=0)
    let_time_pass(days=8)

    report = sweep()

    assert told(report) == {
        "looked_at": 1,
        "expired": 1,
        "purged": 1,
        "quotas_mended": 1,
    }
    assert held(alice) == (0, 0, 0, 0)


# Bounds, turns, and many sweepers


def test_a_pass_is_bounded_and_the_next_takes_the_next_ones(
    alice: Any, bucket: Bucket
) -> None:
    for _ in range(5):
        begin(alice)
    let_time_pass(days=8)

    expired = [sweep(limits=Limits(rows=2)).expired for _ in range(4)]

    assert expired == [2, 2, 1, 0]


def test_those_unseen_longest_come_first(alice: Any, bucket: Bucket) -> None:
    uploads = [begin(alice) for _ in range(3)]
    let_time_pass(minutes=2)
    for upload in uploads:
        seen_at = timezone.now() - timedelta(seconds=uploads.index(upload))
        Upload.objects.filter(pk=upload.pk).update(checked_at=seen_at)

    due = [row.pk for row in schedule.due(timezone.now(), limit=2)]

    assert due == [uploads[2].pk, uploads[1].pk]


def test_of_two_sweepers_one_takes_the_row(alice: Any, bucket: Bucket) -> None:
    begin(alice)
    let_time_pass(days=8)
    [one] = schedule.due(timezone.now(), limit=10)
    [other] = schedule.due(timezone.now(), limit=10)

    assert schedule.claim(one) is not None
    assert schedule.claim(other) is None
    assert list(schedule.due(timezone.now(), limit=10)) == []


def test_the_row_of_a_sweeper_that_died_is_taken_up_again(
    alice: Any, bucket: Bucket
) -> None:
    begin(alice)
    let_time_pass(days=8)
    [row] = schedule.due(timezone.now(), limit=10)
    schedule.claim(row)

    assert told(sweep()) == {}
    let_time_pass(minutes=6)
    assert told(sweep()) == {"looked_at": 1, "expired": 1, "purged": 1}


def test_a_dry_run_looks_and_changes_nothing(alice: Any, bucket: Bucket) -> None:
    make_a_mess(bucket, alice)
    before = everything(bucket)

    with counted(bucket) as calls:
        report = sweep(dry_run=True)

    assert report.looked_at == 6
    assert (report.late_arrivals, report.young_orphans, report.aborted) == (1, 1, 1)
    assert report.quotas_mended == 1
    assert everything(bucket) == before
    assert calls.keys() <= {
        "ListObjectsV2",
        "ListMultipartUploads",
        "ListObjectVersions",
    }


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_sweep_killed_at_any_step_is_finished_by_later_ones(
    alice: Any, bucket: Bucket, django_user_model: Any
) -> None:
    step = 1
    while True:
        step += 9
        owner = django_user_model.objects.create_user(f"person {step}")
        make_a_mess(bucket, owner)
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

        [orphan] = audit()  # it stays for days
        assert orphan.kind == "object without a row"
        # The overdue one and the tombstones are gone; three have arrived.
        assert held(owner) == (15, 0, 3, 0)
        for upload in Upload.objects.filter(owner=owner):
            assert kinds(upload).count(f"upload.{upload.state}") == 1
        if finished:
            break
    assert step > 50, "the sweep ended before it was killed at many steps"


def make_a_mess(bucket: Bucket, owner: Any) -> None:
    """Leave one of each: all that a sweeper is there for."""
    begin(owner)
    for upload in Upload.objects.filter(owner=owner):
        Upload.objects.filter(pk=upload.pk).update(expires_at=timezone.now())
    put(bucket, begin(owner), b"hello")
    begin_parts(bucket, owner)
    stick(bucket, owner)
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


def everything(bucket: Bucket) -> Any:
    """Return all that a sweep could change."""
    rows = Upload.objects.order_by("pk").values()
    return (
        list(rows),
        list(StorageQuota.objects.values()),
        [entry.key for entry in bucket.list_objects("")],
        [entry.key for entry in bucket.list_multipart_uploads("")],
    )


def test_rates_that_say_nothing_any_more_are_forgotten(
    alice: Any, bucket: Bucket
) -> None:
    now = time.time_ns()
    Rate.objects.create(key="start:user:1", tat=now - 1)
    Rate.objects.create(key="start:user:2", tat=now + 3600 * 10**9)

    assert told(sweep(dry_run=True)) == {}
    assert told(sweep()) == {"rates_forgotten": 1}
    assert Rate.objects.get().key == "start:user:2"
