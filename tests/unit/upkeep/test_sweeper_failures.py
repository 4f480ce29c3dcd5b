"""The sweeper continues after failures of the storage, the database or one row."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest
import time_machine
from django.db import DataError, InterfaceError, OperationalError
from django.utils import timezone

from tests.support.builders import (
    begin,
    let_time_pass,
    put,
    quota_counts,
)
from tests.support.storage_faults import count_s3_calls, s3_answers_500
from tests.support.sweeps import abandon, nonzero_counts
from uploads import lifecycle
from uploads.lifecycle import schedule
from uploads.lifecycle.reconciliation import reconcile
from uploads.models import StorageQuota, Upload
from uploads.models.event import changeable_events
from uploads.s3.bucket import Bucket
from uploads.states import State
from uploads.upkeep import bucket_sweep, sweeper
from uploads.upkeep.sweeper import FAILED_LOOKS, Limits, sweep

pytestmark = pytest.mark.django_db


def test_unavailable_storage_is_counted_once_and_the_next_pass_continues(
    alice: Any, bucket: Bucket
) -> None:
    uploads = [begin(alice) for _ in range(3)]
    for upload in uploads:
        put(bucket, upload, b"hello")
    let_time_pass(minutes=2)

    with count_s3_calls(bucket) as calls, s3_answers_500(bucket):
        assert nonzero_counts(sweep()) == {"failed": 1}

    assert calls.total() == 1
    assert nonzero_counts(sweep()) == {"looked_at": 3, "completed": 3}


def test_unavailable_storage_is_no_failed_attempt_of_a_row(
    alice: Any, bucket: Bucket
) -> None:
    begin(alice)
    begin(alice)
    let_time_pass(minutes=2)

    with (
        count_s3_calls(bucket) as calls,
        s3_answers_500(bucket, "HeadObject", "HeadBucket"),
    ):
        assert nonzero_counts(sweep()) == {"looked_at": 1, "failed": 1}

    # The first request fails. A second request shows that the bucket does not answer.
    assert (calls["HeadObject"], calls["HeadBucket"]) == (1, 1)
    for row in Upload.objects.all():
        assert (row.checked_at, row.retry_at, row.failed_checks) == (None, None, 0)


def test_failed_purge_is_counted_and_repeated_by_the_next_pass(
    alice: Any, bucket: Bucket
) -> None:
    abandon(bucket, alice)
    let_time_pass(minutes=20)

    with s3_answers_500(bucket, "DeleteObject"):
        report = sweep()

    assert nonzero_counts(report) == {"looked_at": 1, "failed": 1}
    assert nonzero_counts(sweep()) == {"looked_at": 1, "purged": 1}


def test_failing_row_is_retried_at_growing_intervals(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    let_time_pass(days=8)

    looked_at = []
    with (
        time_machine.travel(timezone.now(), tick=False),
        s3_answers_500(bucket, "HeadObject", key=upload.key),
    ):
        for minute in range(120):
            if minute < 5 or list(schedule.due(timezone.now(), limit=1)):
                looked_at.append(sweep().looked_at)
            let_time_pass(minutes=1)

    # The retries follow at once, after 30 s, and after 1, 2, 4 and more minutes.
    assert looked_at[:5] == [1, 1, 1, 1, 0]
    assert sum(looked_at) == 9
    let_time_pass(hours=1)
    assert nonzero_counts(sweep()) == {"looked_at": 1, "expired": 1, "purged": 1}
    assert Upload.objects.get().failed_checks == 0


def test_failing_rows_do_not_delay_other_rows(alice: Any, bucket: Bucket) -> None:
    failing = [begin(alice) for _ in range(4)]
    let_time_pass(days=8)
    with s3_answers_500(bucket, "HeadObject"):
        for _ in range(2):
            sweep()
    assert set(Upload.objects.values_list("failed_checks", flat=True)) == {2}
    good = [begin(alice) for _ in range(2)]
    Upload.objects.filter(pk__in=[row.pk for row in good]).update(
        expires_at=timezone.now()
    )
    let_time_pass(hours=1)

    with s3_answers_500(bucket, "HeadObject", key=failing[0].key):
        report = sweep(limits=Limits(rows=2))

    assert (report.expired, report.failed) == (2, 0)
    states = {row.pk: row.state for row in Upload.objects.all()}
    assert {states[row.pk] for row in good} == {State.EXPIRED}


def test_error_of_one_row_does_not_stop_the_sweep(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_for_failing_txt(upload: Upload, **options: Any) -> State:
        if upload.filename == "failing.txt":
            raise ZeroDivisionError
        return reconcile(upload, **options)

    monkeypatch.setattr(sweeper, "reconcile", fail_for_failing_txt)
    put(bucket, begin(alice, filename="failing.txt"), b"hello")
    put(bucket, begin(alice), b"hello")
    let_time_pass(minutes=2)

    report = sweep()

    assert nonzero_counts(report) == {"looked_at": 2, "completed": 1, "failed": 1}


def break_completion(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Make the completion of ``failing.txt`` raise ``error``."""

    def complete(upload: Upload, **options: Any) -> Upload:
        if upload.filename == "failing.txt":
            raise error
        return whole(upload, **options)

    whole = lifecycle.advance
    monkeypatch.setattr(lifecycle, "advance", complete)


def set_max_failed_attempts() -> None:
    """Record as many failed attempts as the sweeper permits for an upload."""
    Upload.objects.update(failed_checks=FAILED_LOOKS, faults=FAILED_LOOKS)


def test_overdue_upload_whose_completion_raises_expires_a_day_later(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin(alice, filename="failing.txt")
    put(bucket, upload, b"hello")
    break_completion(monkeypatch, ZeroDivisionError("a fault of ours"))
    set_max_failed_attempts()

    let_time_pass(days=7, hours=23)
    assert nonzero_counts(sweep()) == {"looked_at": 1, "failed": 1}
    assert quota_counts(alice) == (0, 5, 0, 1)

    let_time_pass(hours=2)
    report = sweep()

    assert nonzero_counts(report) == {
        "looked_at": 1,
        "expired": 1,
        "given_up": 1,
        "failed": 1,
    }
    assert quota_counts(alice) == (0, 0, 0, 0)
    event = upload.events.get(kind="upload.expired")
    assert event.detail == {"reason": "not settled: ZeroDivisionError"}
    sweep()
    assert bucket.head_object(upload.key) is None
    assert nonzero_counts(sweep()) == {}


def test_upload_is_ended_only_after_many_failed_attempts(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bucket, begin(alice, filename="failing.txt"), b"hello")
    break_completion(monkeypatch, ZeroDivisionError("a fault of ours"))
    let_time_pass(days=30)
    monkeypatch.setattr(sweeper, "FAILED_LOOKS", 8)

    for _ in range(8):
        assert nonzero_counts(sweep()) == {"looked_at": 1, "failed": 1}
        let_time_pass(hours=1)

    assert sweep().given_up == 1


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError, DataError])
def test_upload_is_not_ended_if_its_completion_fails_by_a_database_error(
    alice: Any,
    bucket: Bucket,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Exception],
) -> None:
    upload = begin(alice, filename="failing.txt")
    put(bucket, upload, b"hello")
    let_time_pass(days=30)
    set_max_failed_attempts()

    with monkeypatch.context() as patch:
        break_completion(patch, kind("deadlock detected"))
        assert nonzero_counts(sweep()) == {"looked_at": 1, "failed": 1}

    let_time_pass(hours=1)
    assert nonzero_counts(sweep()) == {"looked_at": 1, "completed": 1}


def erase(upload: Upload) -> None:
    """Delete the row, as ``erase_user`` does in another process."""
    with changeable_events("erasure") as events:
        events.filter(upload=upload).update(upload=None)
        Upload.objects.get(pk=upload.pk).delete()


@pytest.mark.parametrize("days", [0, 30])
@pytest.mark.parametrize("error", [None, ZeroDivisionError("a fault of ours")])
def test_row_erased_during_its_check_does_not_stop_the_sweep(
    alice: Any,
    bucket: Bucket,
    monkeypatch: pytest.MonkeyPatch,
    days: int,
    error: Exception | None,
) -> None:
    def erase_then_advance(upload: Upload, **options: Any) -> Upload:
        if upload.filename == "failing.txt":
            erase(upload)
            if error is not None:
                raise error
            upload.refresh_from_db()
        return whole(upload, **options)

    whole = lifecycle.advance
    monkeypatch.setattr(lifecycle, "advance", erase_then_advance)
    put(bucket, begin(alice, filename="failing.txt"), b"hello")
    put(bucket, begin(alice), b"hello")
    let_time_pass(days=days, minutes=2)
    set_max_failed_attempts()

    assert sweep().completed == 1
    assert Upload.objects.get().state == State.READY


def test_row_erased_during_its_claim_is_not_claimed(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin(alice)

    def raise_does_not_exist(*_: Any, **__: Any) -> None:
        raise Upload.DoesNotExist

    monkeypatch.setattr(Upload, "refresh_from_db", raise_does_not_exist)

    assert schedule.claim(upload) is None


def test_upload_completes_if_the_error_is_fixed_in_time(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bucket, begin(alice, filename="failing.txt"), b"hello")
    let_time_pass(days=7, hours=1)
    with monkeypatch.context() as patch:
        break_completion(patch, ZeroDivisionError("a fault of ours"))
        sweep()

    let_time_pass(days=2)

    assert nonzero_counts(sweep()) == {"looked_at": 1, "completed": 1}


def test_no_upload_is_ended_while_the_bucket_does_not_answer(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(alice, filename="failing.txt")
    break_completion(monkeypatch, ZeroDivisionError("a fault of ours"))
    let_time_pass(days=30)
    set_max_failed_attempts()
    listed = bucket_sweep.sweep_bucket
    monkeypatch.setattr(bucket_sweep, "sweep_bucket", lambda *_, **__: False)

    with s3_answers_500(bucket):
        assert nonzero_counts(sweep()) == {"looked_at": 1, "failed": 1}
    assert Upload.objects.get().state == State.PENDING

    monkeypatch.setattr(bucket_sweep, "sweep_bucket", listed)
    assert sweep().given_up == 1


def test_failed_attempt_to_end_an_upload_is_retried(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(alice, filename="failing.txt")
    put(bucket, begin(alice), b"hello")
    break_completion(monkeypatch, ZeroDivisionError("a fault of ours"))
    let_time_pass(days=30)
    Upload.objects.filter(filename="failing.txt").update(faults=FAILED_LOOKS)

    with monkeypatch.context() as patch:
        patch.setattr(lifecycle, "expire", Mock(side_effect=ZeroDivisionError))
        assert nonzero_counts(sweep()) == {"looked_at": 2, "completed": 1, "failed": 1}

    let_time_pass(hours=1)
    assert sweep().given_up == 1


def test_database_error_of_one_row_does_not_stop_the_sweep(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bucket, begin(alice, filename="failing.txt"), b"hello")
    put(bucket, begin(alice), b"hello")
    break_completion(monkeypatch, OperationalError("deadlock detected"))
    let_time_pass(minutes=2)

    assert nonzero_counts(sweep()) == {"looked_at": 2, "completed": 1, "failed": 1}


def test_unavailable_database_ends_the_sweep(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bucket, begin(alice, filename="failing.txt"), b"hello")
    database_error = OperationalError("the connection was lost")
    break_completion(monkeypatch, database_error)
    monkeypatch.setattr(sweeper, "_require_database", Mock(side_effect=database_error))
    let_time_pass(minutes=2)

    with pytest.raises(OperationalError):
        sweep()


def test_too_small_quota_is_repaired_before_rows_are_settled(
    alice: Any, bucket: Bucket
) -> None:
    begin(alice)
    StorageQuota.objects.update(reserved_bytes=0, reserved_files=0)
    let_time_pass(days=8)

    report = sweep()

    assert nonzero_counts(report) == {
        "looked_at": 1,
        "expired": 1,
        "purged": 1,
        "quotas_mended": 1,
    }
    assert quota_counts(alice) == (0, 0, 0, 0)
