"""While clamd does not answer, uploads wait. None is accepted, and none is lost."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.attacks.people import Person, assert_problem
from tests.bucket.stores import send_raw
from tests.inspection.conftest import scanned_by
from tests.plugins.clamd import EICAR, ClamdServer
from tests.support.builders import MIB, let_time_pass, quota_counts
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.states import State
from uploads.upkeep.auditing import audit
from uploads.upkeep.sweeper import sweep

FILES = [(f"{number}.txt", b"hello %d" % number) for number in range(6)]
INFECTED = [(f"{number}.com", EICAR) for number in range(2)]


@pytest.fixture
def stop(clamd: ClamdServer, settings: Any) -> Callable[[str], None]:
    """Return a function that kills or suspends the scanner."""

    def stop_it(how: str) -> None:
        if how == "killed":
            clamd.kill()
            return
        clamd.suspend()
        settings.INSPECTORS = scanned_by(settings.INSPECTORS, clamd, timeout_seconds=1)

    return stop_it


@pytest.fixture
def resume(clamd: ClamdServer, settings: Any) -> Callable[[], None]:
    """Return a function that restarts the scanner and lets waiting uploads become due."""

    def resume_it() -> None:
        clamd.resume()
        clamd.start()
        settings.INSPECTORS = scanned_by(settings.INSPECTORS, clamd, timeout_seconds=60)
        let_time_pass(minutes=6)

    return resume_it


@pytest.mark.parametrize("how", ["killed", "suspended"])
def test_uploads_wait_for_the_scanner_and_settle_after_its_return(
    alice: Person,
    stop: Callable[[str], None],
    resume: Callable[[], None],
    how: str,
) -> None:
    before = [alice.upload(content, filename=name) for name, content in FILES[:2]]
    stop(how)

    batch = [
        alice.start(content, filename=name, content_type="application/octet-stream")
        for name, content in FILES[2:] + INFECTED
    ]
    for started, (_, content) in zip(batch, FILES[2:] + INFECTED, strict=True):
        assert send_raw(started.raw_request(content)).status == 200
    for started in batch[:2]:
        answer = alice.call("POST", f"/uploads/{started.id}/complete")
        assert (answer.status_code, answer.json()["state"]) == (200, "inspecting")
    # The sweeper checks the remaining uploads. Like the API, it does not wait for the
    # scanner.
    let_time_pass(minutes=20)
    report = sweep()

    assert Counter(row.state for row in Upload.objects.all()) == {
        State.READY: len(before),
        State.INSPECTING: len(batch),
    }
    assert report.waiting == len(batch)
    waiting = Upload.objects.waiting()
    assert all(row.waiting_reason.startswith("ClamAV: ") for row in waiting)
    for started in batch:
        answer = alice.call("GET", f"/uploads/{started.id}/download")
        assert_problem(answer, 409, "invalid_state")
    expected = sum(len(content) for _, content in FILES[2:] + INFECTED)
    assert quota_counts(alice.user)[1] == expected
    assert list(audit()) == []

    resume()
    report = sweep()

    assert (report.completed, report.rejected, report.waiting) == (4, 2, 0)
    assert Counter(row.state for row in Upload.objects.all()) == {
        State.READY: len(FILES),
        State.REJECTED: len(INFECTED),
    }
    used = sum(len(content) for _, content in FILES)
    assert quota_counts(alice.user) == (used, 0, len(FILES), 0)
    assert list(audit()) == []


def test_file_waits_when_the_scanner_stops_in_the_middle(
    alice: Person,
    stop: Callable[[str], None],
    resume: Callable[[], None],
    seaweed_bucket: Bucket,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = bytes(9 * MIB) + EICAR
    started = alice.start(
        content, filename="a.bin", content_type="application/octet-stream"
    )
    assert send_raw(started.raw_request(content)).status == 200
    read_range = type(seaweed_bucket).read_range
    stopped = threading.Event()

    def stop_after_the_first_range(
        self: Any, key: str, start: int, *rest: Any, **more: Any
    ) -> bytes:
        if start >= 4 * MIB and not stopped.is_set():
            stopped.set()
            stop("killed")
        return read_range(self, key, start, *rest, **more)

    monkeypatch.setattr(type(seaweed_bucket), "read_range", stop_after_the_first_range)
    answer = alice.call("POST", f"/uploads/{started.id}/complete")

    assert stopped.is_set()
    assert answer.json()["state"] == "inspecting"
    assert started.row.waiting_reason.startswith("ClamAV: clamd")

    resume()
    assert sweep().rejected == 1
    assert started.row.state == State.REJECTED
