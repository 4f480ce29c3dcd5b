"""Test lost tasks, repeated tasks and missing workers of long inspections."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.db import OperationalError
from django.utils import timezone
from django_tasks import default_task_backend

from tests.support.builders import begin, let_time_pass, put, quota_counts
from tests.support.inspectors import Accepting, Unavailable, entries
from tests.support.storage_faults import s3_answers_500
from uploads import lifecycle
from uploads.lifecycle import reconciliation, schedule
from uploads.lifecycle.reconciliation import complete, inspect_in_background
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.states import State
from uploads.upkeep.reverification import reverify
from uploads.upkeep.sweeper import sweep


@pytest.fixture(autouse=True)
def _slow_inspector(settings: Any) -> None:
    settings.UPLOADS = {**settings.UPLOADS, "INLINE_INSPECTION_BYTES": 5}
    settings.INSPECTORS = entries("Accepting", slow=True)


@pytest.fixture
def queue(settings: Any) -> Any:
    """Collect the queued tasks, which no worker takes."""
    settings.TASKS = {
        "default": {"BACKEND": "django_tasks.backends.dummy.DummyBackend"}
    }
    backend: Any = default_task_backend
    return backend.results


def start_and_send(bucket: Bucket, owner: Any, content: bytes = b"hello!") -> Upload:
    upload = begin(owner, content)
    put(bucket, upload, content)
    return upload


def run(upload: Upload) -> Upload:
    inspect_in_background.call(str(upload.pk))
    upload.refresh_from_db()
    return upload


def test_small_object_is_inspected_at_once(
    alice: Any, bucket: Bucket, queue: Any
) -> None:
    assert complete(start_and_send(bucket, alice, b"hello")).state == State.READY

    assert queue == []


def test_inspection_of_a_large_object_is_queued(
    alice: Any, bucket: Bucket, queue: Any
) -> None:
    upload = complete(start_and_send(bucket, alice))

    assert upload.state == State.INSPECTING
    assert upload.waiting_reason == ""
    assert Accepting.seen == []
    assert [result.args for result in queue] == [[str(upload.pk)]]
    assert quota_counts(alice) == (0, 6, 0, 1)

    assert run(upload).state == State.READY
    assert Accepting.seen == ["notes.txt"]
    assert (upload.retry_at, upload.failed_checks) == (None, 0)
    assert quota_counts(alice) == (6, 0, 1, 0)


def test_next_sweep_inspects_a_large_object_when_there_are_no_workers(
    alice: Any, bucket: Bucket
) -> None:
    upload = complete(start_and_send(bucket, alice))
    assert upload.state == State.INSPECTING
    assert Accepting.seen == []

    assert sweep().completed == 1
    assert Accepting.seen == ["notes.txt"]


def test_second_complete_does_not_call_s3_for_a_queued_inspection(
    alice: Any, bucket: Bucket
) -> None:
    upload = complete(start_and_send(bucket, alice))

    # If the second `complete` sent a request to S3, it would raise.
    with s3_answers_500(bucket):
        assert complete(Upload.objects.get(pk=upload.pk)).state == State.INSPECTING


def test_quick_inspectors_refuse_a_large_object_at_once(
    alice: Any, bucket: Bucket, queue: Any, settings: Any
) -> None:
    settings.INSPECTORS += entries("Refusing")

    assert complete(start_and_send(bucket, alice)).state == State.REJECTED

    assert (queue, Accepting.seen) == ([], [])


def test_sweeper_does_the_inspection_of_a_lost_task(
    alice: Any, bucket: Bucket, queue: Any
) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        upload = complete(start_and_send(bucket, alice))
        assert sweep().looked_at == 0  # a worker could take the task

    let_time_pass(minutes=1)

    assert sweep().completed == 1
    assert run(upload).state == State.READY
    assert Accepting.seen == ["notes.txt"]


def test_repeated_task_inspects_once(alice: Any, bucket: Bucket, queue: Any) -> None:
    upload = start_and_send(bucket, alice)
    for _ in range(3):
        complete(Upload.objects.get(pk=upload.pk))
    assert len(queue) == 1

    for _ in range(3):
        run(upload)

    assert Accepting.seen == ["notes.txt"]


def test_claimed_inspection_is_skipped_until_its_lease_expires(
    alice: Any, bucket: Bucket, queue: Any
) -> None:
    upload = complete(start_and_send(bucket, alice))
    assert schedule.claim(upload) is not None

    assert run(upload).state == State.INSPECTING
    assert sweep().looked_at == 0

    let_time_pass(minutes=6)  # the lease has expired
    assert sweep().completed == 1


def test_inspection_of_a_large_object_has_a_longer_lease(
    alice: Any, bucket: Bucket, queue: Any
) -> None:
    upload = complete(start_and_send(bucket, alice))
    upload.byte_size = 5 * 1000**3

    claimed_at = schedule.claim(upload)

    leased = Upload.objects.get()
    assert claimed_at is not None
    assert leased.retry_at is not None
    assert (leased.retry_at - claimed_at).total_seconds() > 1000


def test_task_for_an_ended_or_unknown_upload_does_nothing(
    alice: Any, bucket: Bucket, queue: Any
) -> None:
    upload = complete(start_and_send(bucket, alice))
    lifecycle.remove(upload)

    assert run(upload).state == State.DELETED
    inspect_in_background.call("00000000-0000-0000-0000-000000000000")


def test_task_is_retried_when_an_inspector_is_unavailable(
    alice: Any, bucket: Bucket, queue: Any, settings: Any
) -> None:
    settings.INSPECTORS = entries("Unavailable", slow=True)
    upload = run(complete(start_and_send(bucket, alice)))

    assert upload.waiting_reason == "Unavailable: The test scanner does not answer."
    assert upload.failed_checks == 1
    for _ in range(3):
        run(upload)
    assert upload.failed_checks == 2  # only the first failure causes a retry at once


def test_task_is_retried_when_the_storage_is_unavailable(
    alice: Any, bucket: Bucket, queue: Any, settings: Any
) -> None:
    upload = complete(start_and_send(bucket, alice))

    with s3_answers_500(bucket, "GetObject"):
        settings.INSPECTORS = [
            {"NAME": "uploads.inspection.disguises.DisguiseInspector"}
        ]
        run(upload)
    assert upload.failed_checks == 1

    let_time_pass(minutes=1)
    assert sweep().completed == 1


def test_request_succeeds_if_the_background_task_fails(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise OperationalError("the connection was closed")

    upload = start_and_send(bucket, alice)
    monkeypatch.setattr(reconciliation, "reconcile", fail)

    assert complete(upload).state == State.INSPECTING
    with pytest.raises(OperationalError):
        run(upload)


def test_verify_again_in_the_admin_queues_a_long_inspection(
    alice: Any, bucket: Bucket, queue: Any, settings: Any
) -> None:
    upload = start_and_send(bucket, alice)
    assert "being inspected" in reverify(upload).words
    assert len(queue) == 1

    settings.INSPECTORS = entries("Unavailable")
    assert Unavailable.is_unavailable
    upload = start_and_send(bucket, alice, b"hello")
    assert reverify(upload).words.endswith(
        "Unavailable: The test scanner does not answer."
    )
