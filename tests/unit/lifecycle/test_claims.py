"""An inspection inside a request has a budget, and only one process claims it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
from django.test import Client
from django.utils import timezone

from tests.support import archives
from tests.support.archives import Raw, packed, raw
from tests.support.builders import begin, let_time_pass, put
from tests.support.inspectors import Accepting, Unavailable, entries, sample_of
from uploads.conf import options
from uploads.inspection import pipeline
from uploads.inspection.budget import Budget, OverBudget
from uploads.inspection.verdicts import ACCEPTED, Sample, Verdict
from uploads.lifecycle import claims
from uploads.lifecycle.reconciliation import complete
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.states import State
from uploads.upkeep import inspection_lanes
from uploads.upkeep.inspection_lanes import InspectionLanes
from uploads.upkeep.sweeper import sweep

ZIP = {"filename": "a.zip", "content_type": "application/zip"}
PHOTOS = packed(*((f"{n}.jpg", bytes([n]) * 9000) for n in range(200)), compression=0)
ARCHIVES = [{"NAME": "uploads.inspection.archives.ArchiveInspector"}]


def start_and_send(
    bucket: Bucket, owner: Any, content: bytes = b"hello", **facts: Any
) -> Upload:
    upload = begin(owner, content, **facts)
    put(bucket, upload, content)
    return upload


def limit(settings: Any, **limits: Any) -> None:
    settings.UPLOADS = {**settings.UPLOADS, **limits}


@contextmanager
def record_reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Collect the length of each ranged GET."""
    ranges: list[int] = []
    read = Bucket.read_range

    def record_read(
        self: Bucket, key: str, start: int, length: int, **etag: Any
    ) -> bytes:
        ranges.append(length)
        return read(self, key, start, length, **etag)

    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "read_range", record_read)
        yield ranges


class ByteReader(Accepting):
    """Reads one byte ``reads`` times."""

    name = "ByteReader"

    def __init__(self, *, reads: int = 1000, slow: bool = False) -> None:
        super().__init__(slow=slow)
        self.reads = reads

    def inspect(self, sample: Sample) -> Verdict:
        for _ in range(self.reads):
            sample.read(0, 1)
        self.seen.append(sample.filename)
        return ACCEPTED


class CallingInspector(Accepting):
    """Calls a function in the middle of an inspection."""

    name = "CallingInspector"
    act: Any = staticmethod(lambda: None)

    def inspect(self, sample: Sample) -> Verdict:
        self.seen.append(sample.filename)
        type(self).act()
        return ACCEPTED


def byte_reader(**facts: Any) -> list[dict[str, Any]]:
    return [{"NAME": f"{__name__}.ByteReader", "OPTIONS": facts}]


# The budget of a request


def test_inspection_over_the_inline_budget_is_left_to_the_sweep(
    alice: Any, bucket: Bucket, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.INSPECTORS = byte_reader()
    upload = start_and_send(bucket, alice)

    with record_reads(monkeypatch) as ranges:
        assert complete(upload).state == State.INSPECTING
    assert len(ranges) <= options().inline_inspection_reads
    assert upload.events.filter(kind="upload.waiting").count() == 0

    with record_reads(monkeypatch) as ranges:
        for _ in range(5):
            complete(Upload.objects.get(pk=upload.pk))
    assert ranges == []

    settings.INSPECTORS = byte_reader(reads=150)
    assert sweep().completed == 1


@pytest.mark.parametrize("slow", [False, True])
def test_budget_covers_all_uploads_of_one_batch(
    alice: Any,
    bucket: Bucket,
    settings: Any,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    slow: bool,
) -> None:
    settings.INSPECTORS = byte_reader(reads=50, slow=slow)
    monkeypatch.setattr("uploads.lifecycle.completion.PREFETCH_BYTES", 0)
    client.force_login(alice)
    uploads = [start_and_send(bucket, alice) for _ in range(10)]

    with record_reads(monkeypatch) as ranges:
        answer = client.post(
            "/api/v1/uploads/complete-batch",
            {"ids": [str(upload.pk) for upload in uploads]},
            content_type="application/json",
        )

    states = [result["upload"]["state"] for result in answer.json()["results"]]
    assert states == ["ready"] * 2 + ["inspecting"] * 8
    assert len(ranges) <= options().inline_inspection_reads + len(uploads)
    assert sweep().completed == 8


def test_prefetched_small_files_do_not_use_the_budget(
    alice: Any, bucket: Bucket, settings: Any, client: Client
) -> None:
    settings.INSPECTORS = byte_reader(reads=500)
    client.force_login(alice)
    uploads = [start_and_send(bucket, alice) for _ in range(3)]

    answer = client.post(
        "/api/v1/uploads/complete-batch",
        {"ids": [str(upload.pk) for upload in uploads]},
        content_type="application/json",
    )

    states = [result["upload"]["state"] for result in answer.json()["results"]]
    assert states == ["ready"] * 3


def test_archive_over_the_inline_budget_is_inspected_in_the_background(
    alice: Any, bucket: Bucket, settings: Any
) -> None:
    settings.INSPECTORS = ARCHIVES
    limit(settings, INLINE_INSPECTION_READS=2)
    upload = start_and_send(bucket, alice, PHOTOS, **ZIP)

    assert complete(upload).state == State.INSPECTING

    assert sweep().completed == 1
    ready = upload.events.get(kind="upload.ready")
    assert "reason" not in (ready.detail or {})


@pytest.mark.parametrize(
    "limits", [{"INSPECTION_BYTES": 20_000}, {"INSPECTION_SECONDS": 1e-9}], ids=str
)
def test_archive_over_the_background_budget_is_ready_with_a_note(
    alice: Any, bucket: Bucket, settings: Any, limits: dict[str, Any]
) -> None:
    settings.INSPECTORS = ARCHIVES
    limit(settings, INLINE_INSPECTION_READS=1, **limits)
    upload = complete(start_and_send(bucket, alice, PHOTOS, **ZIP))

    assert sweep().completed == 1
    reason = upload.events.get(kind="upload.ready").detail["reason"]
    # The text depends on how far the inspection came.
    assert "not checked" in reason or "not read" in reason


def test_setting_refuses_an_archive_over_the_background_budget(
    alice: Any, bucket: Bucket, settings: Any
) -> None:
    settings.INSPECTORS = ARCHIVES
    limit(
        settings,
        INLINE_INSPECTION_READS=1,
        INSPECTION_BYTES=20_000,
        UNFINISHED_INSPECTION="refuse",
    )
    upload = complete(start_and_send(bucket, alice, PHOTOS, **ZIP))

    assert sweep().rejected == 1
    upload.refresh_from_db()
    assert "too large to be checked" in upload.rejected_reason


def test_inspection_over_the_time_budget_is_stopped(settings: Any) -> None:
    settings.INSPECTORS = byte_reader(reads=1)
    sample = sample_of(b"x", budget=Budget(seconds=-1, is_inline=True))
    content = sample.read

    def read(start: int, length: int) -> bytes:
        sample.budget.spend(length)
        return content(start, length)

    with pytest.raises(OverBudget):
        pipeline.inspect(
            sample_of(b"x", read=read, budget=sample.budget), quick_only=True
        )


def test_slow_inspector_in_the_background_has_its_own_limits(
    alice: Any, bucket: Bucket, settings: Any
) -> None:
    settings.INSPECTORS = byte_reader(reads=300, slow=True)
    limit(settings, INLINE_INSPECTION_BYTES=1, INSPECTION_BYTES=10)
    complete(start_and_send(bucket, alice))

    assert sweep().completed == 1


# The claim


@pytest.fixture
def during_inspection(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    settings.INSPECTORS = [{"NAME": f"{__name__}.CallingInspector"}]

    def during(act: Any) -> None:
        monkeypatch.setattr(CallingInspector, "act", staticmethod(act))

    return during


def test_complete_during_an_inspection_returns_inspecting_at_once(
    alice: Any, bucket: Bucket, during_inspection: Any
) -> None:
    upload = start_and_send(bucket, alice)
    second_states: list[str] = []

    def complete_again() -> None:
        second_states.append(complete(Upload.objects.get(pk=upload.pk)).state)

    during_inspection(complete_again)

    assert complete(upload).state == State.READY

    assert second_states == [State.INSPECTING]
    assert CallingInspector.seen == ["notes.txt"]
    upload.refresh_from_db()
    assert upload.claimed_until is None


def test_sweeper_skips_an_upload_that_a_request_inspects(
    alice: Any, bucket: Bucket, during_inspection: Any
) -> None:
    upload = start_and_send(bucket, alice)
    Upload.objects.update(created_at=timezone.now())
    sweep_counts: list[int] = []
    during_inspection(lambda: sweep_counts.append(sweep().looked_at))

    complete(upload)

    assert sweep_counts == [0]
    assert CallingInspector.seen == ["notes.txt"]


def test_claim_of_a_killed_request_expires(
    alice: Any, bucket: Bucket, during_inspection: Any
) -> None:
    upload = start_and_send(bucket, alice)

    def interrupt() -> None:
        raise KeyboardInterrupt

    during_inspection(interrupt)
    with (
        # A killed process does not release its claim.
        mock.patch("uploads.lifecycle.inspecting.release_inspection"),
        pytest.raises(KeyboardInterrupt),
    ):
        complete(upload)
    during_inspection(lambda: None)
    upload = Upload.objects.get()
    assert upload.claimed_until is not None
    assert complete(upload).state == State.INSPECTING
    assert sweep().looked_at == 0

    let_time_pass(minutes=1)

    assert sweep().completed == 1


def test_claim_is_released_when_an_inspector_is_unavailable(
    alice: Any, bucket: Bucket, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.INSPECTORS = entries("Unavailable")
    upload = complete(start_and_send(bucket, alice))
    monkeypatch.setattr(Unavailable, "is_unavailable", False)

    assert complete(upload).state == State.READY


def test_expired_claim_that_another_process_has_taken_is_not_released(
    alice: Any, bucket: Bucket, settings: Any
) -> None:
    settings.INSPECTORS = entries("Unavailable")
    upload = complete(start_and_send(bucket, alice))
    first = claims.claim_inspection(upload, patient=False)
    let_time_pass(minutes=1)
    second = claims.claim_inspection(upload, patient=False)

    assert first is not None
    claims.release_inspection(upload, first)

    upload.refresh_from_db()
    assert upload.claimed_until == second


# The sweeper's lanes


@pytest.fixture
def lanes(monkeypatch: pytest.MonkeyPatch) -> Iterator[InspectionLanes]:
    """Create lanes that take uploads and never finish an inspection."""
    lanes = InspectionLanes(every=60)
    taken = threading.Event()
    monkeypatch.setattr(lanes, "_inspect", lambda upload: taken.wait(10))
    yield lanes
    taken.set()
    lanes._pool.shutdown()


def test_one_owner_never_takes_all_inspection_lanes(
    alice: Any,
    bucket: Bucket,
    settings: Any,
    lanes: InspectionLanes,
    django_user_model: Any,
) -> None:
    settings.INSPECTORS = byte_reader()
    for _ in range(5):
        complete(start_and_send(bucket, alice))
    assert lanes.start_due() == inspection_lanes.LANES_PER_OWNER
    assert lanes.start_due() == 0

    bob = django_user_model.objects.create_user("bob")
    complete(start_and_send(bucket, bob))
    assert lanes.start_due() == 1
    assert set(lanes._running.values()) == {alice.pk, bob.pk}


def test_sweep_without_inspections_skips_waiting_inspections(
    alice: Any, bucket: Bucket, settings: Any
) -> None:
    settings.INSPECTORS = byte_reader(reads=150)
    complete(start_and_send(bucket, alice))

    assert sweep(inspections=False).looked_at == 0
    assert sweep().completed == 1


def test_zip_bomb_is_refused_inside_the_request(
    alice: Any, bucket: Bucket, settings: Any
) -> None:
    settings.INSPECTORS = ARCHIVES
    bomb = raw(Raw(b"bomb", bytes(120_000_000), method=8))

    assert complete(start_and_send(bucket, alice, bomb, **ZIP)).state == State.REJECTED


def test_scattered_archive_gets_a_verdict_after_few_reads(
    alice: Any, bucket: Bucket, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.INSPECTORS = ARCHIVES
    for extra, state in ((0, State.READY), (0xFFF0, State.REJECTED)):
        upload = start_and_send(
            bucket, alice, archives.scattered(3000, extra=extra), **ZIP
        )
        with record_reads(monkeypatch) as ranges:
            complete(upload)
            sweep()
        upload.refresh_from_db()
        assert upload.state == state
        assert len(ranges) < 50
