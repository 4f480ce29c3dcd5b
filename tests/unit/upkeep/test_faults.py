"""If a bug breaks inspections, the site retries for a day, then rejects the upload."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from tests.support.builders import begin, event_kinds, let_time_pass, put, quota_counts
from tests.support.inspectors import entries
from tests.support.storage_faults import s3_answers_500
from uploads import lifecycle
from uploads.errors import InvalidState
from uploads.inspection.budget import Budget
from uploads.lifecycle import inspecting, judging
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.states import State
from uploads.upkeep.auditing import audit
from uploads.upkeep.sweeper import FAILED_LOOKS, Report, sweep

pytestmark = pytest.mark.django_db

NOTE = (
    "The check of this file failed with the error ZeroDivisionError. See the log of the "
    "site."
)


@pytest.fixture
def waiting_upload(alice: Any, bucket: Bucket) -> Upload:
    """Return an upload in the state inspecting. Its inspection has not started."""
    upload = begin(alice)
    put(bucket, upload, b"hello")
    facts = bucket.head_object(upload.key)
    assert facts is not None
    lifecycle.move(upload, State.INSPECTING, etag=facts.etag)
    let_time_pass(minutes=2)
    return upload


class Fault:
    """A simulated bug that raises in every inspection until the test removes it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.error: Exception | None = ZeroDivisionError("a fault of ours")
        sample = judging.sample_of

        def break_(upload: Upload, objects: Any, budget: Budget) -> Any:
            if self.error is not None:
                raise self.error
            return sample(upload, objects, budget)

        monkeypatch.setattr(inspecting, "sample_of", break_)


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch) -> Fault:
    return Fault(monkeypatch)


def counts_of(report: Report) -> dict[str, int]:
    return {name: count for name, count in report.as_dict().items() if count}


@pytest.fixture(autouse=True)
def ready_upload(
    bucket: Bucket, django_user_model: Any, waiting_upload: Upload
) -> Upload:
    """Create a ready upload of another person."""
    upload = begin(django_user_model.objects.create_user("bob"), b"fine")
    put(bucket, upload, b"fine")
    lifecycle.advance(upload)
    # Without this change, each sweep would compare this file again and count it.
    Upload.objects.filter(pk=upload.pk).update(replaceable_until=None)
    return upload


def sweep_for_the_last_time() -> Report:
    """Record FAILED_LOOKS failed attempts, then sweep once more."""
    Upload.objects.filter(state=State.INSPECTING).update(faults=FAILED_LOOKS)
    let_time_pass(hours=1)
    return sweep()


def test_no_upload_is_rejected_while_no_inspection_succeeds(
    waiting_upload: Upload, ready_upload: Upload, fault: Fault
) -> None:
    # A release with such a bug must not reject all files of a day.
    Upload.objects.filter(pk=ready_upload.pk).update(
        created_at=timezone.now() - timedelta(hours=13)
    )

    assert counts_of(sweep_for_the_last_time()) == {
        "looked_at": 1,
        "failed": 1,
        "waiting": 1,
    }

    waiting_upload.refresh_from_db()
    assert waiting_upload.state == State.INSPECTING
    assert waiting_upload.waiting_reason == NOTE


def test_operators_see_the_error_of_a_waiting_upload(
    waiting_upload: Upload, alice: Any, fault: Fault, capsys: pytest.CaptureFixture[str]
) -> None:
    for count in (1, 2, 3):
        assert counts_of(sweep()) == {"looked_at": 1, "failed": 1, "waiting": 1}
        let_time_pass(hours=1)
        waiting_upload.refresh_from_db()
        assert waiting_upload.faults == count

    assert waiting_upload.state == State.INSPECTING
    assert waiting_upload.waiting_reason == NOTE
    assert event_kinds(waiting_upload).count("upload.waiting") == 1
    assert quota_counts(alice) == (0, 5, 0, 1)
    call_command("audit")
    assert NOTE in capsys.readouterr().out


@pytest.mark.slow
def test_upload_is_rejected_after_many_attempts_in_about_a_day(
    waiting_upload: Upload, ready_upload: Upload, fault: Fault
) -> None:
    waited = []
    while sweep().given_up == 0:
        Upload.objects.filter(pk=ready_upload.pk).update(created_at=timezone.now())
        waiting_upload.refresh_from_db()
        assert waiting_upload.state == State.INSPECTING
        assert waiting_upload.retry_at is not None
        waited.append(waiting_upload.retry_at - timezone.now())
        let_time_pass(seconds=waited[-1].total_seconds())

    assert len(waited) == FAILED_LOOKS
    assert timedelta(hours=20) < sum(waited, timedelta()) < timedelta(hours=28)


def test_upload_that_the_site_cannot_inspect_is_rejected_and_releases_its_quota(
    waiting_upload: Upload, alice: Any, bucket: Bucket, fault: Fault
) -> None:
    report = sweep_for_the_last_time()

    assert counts_of(report) == {
        "looked_at": 1,
        "failed": 1,
        "given_up": 1,
        "rejected": 1,
    }
    waiting_upload.refresh_from_db()
    assert waiting_upload.state == State.REJECTED
    assert "could not check the file" in waiting_upload.rejected_reason
    assert (waiting_upload.waiting_reason, waiting_upload.quarantine_key) == ("", "")
    assert bucket.head_object(waiting_upload.key) is None
    assert quota_counts(alice) == (0, 0, 0, 0)
    event = waiting_upload.events.get(kind="upload.rejected")
    assert event.detail == {
        "cause": "not_inspected",
        "reason": waiting_upload.rejected_reason,
    }
    with pytest.raises(InvalidState):
        lifecycle.presign_download(waiting_upload)
    let_time_pass(hours=1)
    sweep()
    assert counts_of(sweep()) == {}
    assert list(audit()) == []


def test_owners_page_says_that_the_site_caused_the_error(
    waiting_upload: Upload, alice: Any, fault: Fault, client: Client
) -> None:
    sweep_for_the_last_time()
    client.force_login(alice)

    page = client.get(f"/uploads/{waiting_upload.pk}/").content.decode()

    assert "because of an error of the site" in page
    assert len(inspecting.UNINSPECTED) <= 255  # the length of the column


def test_object_that_the_site_cannot_inspect_is_kept_in_quarantine(
    waiting_upload: Upload, alice: Any, bucket: Bucket, fault: Fault, settings: Any
) -> None:
    settings.UPLOADS = {**settings.UPLOADS, "QUARANTINE_PREFIX": "quarantine/"}
    with s3_answers_500(bucket, "CopyObject"):
        assert counts_of(sweep_for_the_last_time()) == {"looked_at": 1, "failed": 1}
    waiting_upload.refresh_from_db()
    # The upload waits until the copy to the quarantine succeeds.
    assert waiting_upload.state == State.INSPECTING

    assert sweep_for_the_last_time().given_up == 1

    waiting_upload.refresh_from_db()
    assert bucket.read_range(waiting_upload.quarantine_key, 0, 10) == b"hello"
    assert bucket.head_object(waiting_upload.key) is None


def test_upload_becomes_ready_if_the_bug_is_fixed_in_time(
    waiting_upload: Upload, alice: Any, fault: Fault
) -> None:
    sweep()
    fault.error = None

    assert sweep_for_the_last_time().completed == 1

    waiting_upload.refresh_from_db()
    assert (waiting_upload.state, waiting_upload.faults) == (State.READY, 0)
    assert waiting_upload.waiting_reason == ""
    assert quota_counts(alice) == (5, 0, 1, 0)


@pytest.mark.parametrize(
    "error",
    [OperationalError("deadlock detected"), ImproperlyConfigured("INSPECTORS: x")],
)
def test_error_that_affects_all_uploads_ends_no_upload(
    waiting_upload: Upload, fault: Fault, error: Exception
) -> None:
    fault.error = error

    assert counts_of(sweep_for_the_last_time()) == {"looked_at": 1, "failed": 1}

    waiting_upload.refresh_from_db()
    assert (waiting_upload.state, waiting_upload.faults) == (
        State.INSPECTING,
        FAILED_LOOKS,
    )


@pytest.mark.parametrize("inspector", ["Unavailable", "Failing", "ReturningNone"])
def test_upload_waits_without_a_limit_for_an_unavailable_inspector(
    waiting_upload: Upload, fault: Fault, settings: Any, inspector: str
) -> None:
    # After a week without a scanner, the first failed attempt must not end the upload.
    settings.INSPECTORS = entries(inspector)
    fault.error = None
    Upload.objects.update(failed_checks=1000)
    assert counts_of(sweep_for_the_last_time()) == {"looked_at": 1, "waiting": 1}

    fault.error = ZeroDivisionError("a fault of ours")
    let_time_pass(hours=1)
    assert counts_of(sweep()) == {"looked_at": 1, "failed": 1, "waiting": 1}

    waiting_upload.refresh_from_db()
    assert (waiting_upload.state, waiting_upload.faults) == (State.INSPECTING, 1)


def test_no_upload_is_rejected_while_the_bucket_does_not_answer(
    waiting_upload: Upload, bucket: Bucket, fault: Fault
) -> None:
    with s3_answers_500(bucket, "HeadBucket"):
        assert sweep_for_the_last_time().given_up == 0

    waiting_upload.refresh_from_db()
    assert (waiting_upload.state, waiting_upload.faults) == (
        State.INSPECTING,
        FAILED_LOOKS,
    )
