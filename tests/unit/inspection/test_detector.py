"""libmagic runs in its own process: test crashes, hangs, forks and threads."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support import heads
from tests.support.inspectors import sample_of
from uploads import checks
from uploads.errors import ContentTypeNotAllowed
from uploads.inspection import detection
from uploads.inspection import detector as module
from uploads.inspection.detector import Detector, DetectorUnavailableError
from uploads.inspection.disguises import DisguiseInspector
from uploads.lifecycle.policy import Policy

ECHO = """
import json, os, sys, time
def read(n):
    found = b""
    while len(found) < n:
        piece = os.read(0, n - len(found))
        if not piece: sys.exit()
        found += piece
    return found
def receive(): return read(int.from_bytes(read(4), "big"))
def framed(answer): return len(answer).to_bytes(4, "big") + answer
def send(*answers): os.write(0, b"".join(map(framed, answers)))
receive()
send(b"ready")
while True:
    head = receive()
    if head == b"crash": os.abort()
    if head == b"hang": time.sleep(60)
    if head == b"flood": os.write(0, b"\\xff" * 4000)
    if head == b"environment": send(json.dumps(sorted(os.environ)).encode())
    elif head == b"pid": send(str(os.getpid()).encode())
    elif head == b"twice": send(b"text/more", b"text/twice")
    else: send(b"text/" + head)
"""


@pytest.fixture
def echo(tmp_path: Path) -> Iterator[Detector]:
    """Yield a detector whose child returns its input, or crashes for some inputs."""
    script = tmp_path / "child.py"
    script.write_text(ECHO)
    detector = Detector([sys.executable, "-I", "-S", str(script)])
    yield detector
    detector.stop()


@pytest.fixture
def detector() -> Iterator[Detector]:
    detector = Detector()
    yield detector
    detector.stop()


@pytest.mark.parametrize("end", [b"crash", b"flood", b"twice"])
def test_detection_continues_after_a_crash_of_the_child(
    echo: Detector, end: bytes
) -> None:
    assert echo.detect(b"a") == "text/a"
    assert echo.detect(end) == ""
    assert echo.detect(b"b") == "text/b"


def test_detection_times_out_when_the_child_hangs(
    echo: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.2)
    began = time.monotonic()

    assert echo.detect(b"hang") == ""
    assert time.monotonic() - began < 10
    assert echo.detect(b"b") == "text/b"


def test_concurrent_threads_get_their_own_answers(echo: Detector) -> None:
    heads_ = [str(number).encode() for number in range(200)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(echo.detect, heads_))

    assert answers == [f"text/{number}" for number in range(200)]


def test_many_heads_get_their_own_answers(echo: Detector) -> None:
    heads_ = [str(number).encode() for number in range(100)]

    assert echo.detect_many(heads_) == [f"text/{number}" for number in range(100)]
    assert echo.detect_many([]) == []


@pytest.mark.parametrize("end", [b"crash", b"hang", b"flood", b"twice"])
def test_detection_of_many_heads_ends_at_an_error_of_the_child(
    echo: Detector, monkeypatch: pytest.MonkeyPatch, end: bytes
) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(module, "HEADS_AT_ONCE", 2)

    assert echo.detect_many([b"a", b"b", b"c", end, b"d"]) == ["text/a", "text/b"]
    assert echo.detect(b"d") == "text/d"


def test_many_large_heads_fit_into_the_buffers_of_the_socket(
    detector: Detector,
) -> None:
    large = [heads.PDF.ljust(4096, b"\0"), os.urandom(2048) + bytes(2048)] * 50

    assert detector.detect_many(large) == [detector.detect(head) for head in large]


def test_forked_process_starts_its_own_child(echo: Detector) -> None:
    ours = echo.detect(b"pid")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, echo.detect(b"pid").encode())
        echo.stop()
        os._exit(0)
    os.close(writing)
    theirs = os.read(reading, 100).decode()
    os.close(reading)
    os.waitpid(child, 0)

    assert theirs.isdigit()
    assert theirs != ours
    assert echo.detect(b"pid") == ours


def test_child_is_replaced_after_many_detections(
    echo: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_QUESTIONS", 3)

    assert len({echo.detect(b"pid") for _ in range(6)}) == 2


def test_child_has_no_environment_variables_of_the_site(
    echo: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")
    monkeypatch.setattr(module, "MAX_ANSWER", 5000)

    assert set(json.loads(echo.detect(b"environment"))) <= {"LANG", "PATH", "LC_CTYPE"}


def test_real_child_is_confined(detector: Detector) -> None:
    detector.detect(heads.PDF)
    child = detector._child
    assert child is not None
    limits = Path(f"/proc/{child._process.pid}/limits").read_text()
    files = list(Path(f"/proc/{child._process.pid}/fd").iterdir())

    soft = {line[:26].strip(): line[26:47].strip() for line in limits.splitlines()}
    assert soft["Max address space"] == str(512 * 1024**2)
    assert soft["Max file size"] == "0"
    assert soft["Max core file size"] == "0"
    assert soft["Max open files"] == "8"
    # The open files are the socket, /dev/null twice, and libmagic's database.
    assert len(files) <= 4


@pytest.mark.parametrize(
    "head",
    [
        *(byte * 4096 for byte in (b"\n", b" ", b"\t", b"a", b"<", b"#", b'"', b"\r")),
        b"import \n" * 512,
        b"PK\x03\x04" * 1024,
        b"<?xml " + b'a="b" ' * 600,
        b"begin " * 600,
        heads.OLE * 8,
    ],
    ids=lambda head: repr(head[:8]),
)
def test_detection_is_quick_for_hostile_first_bytes(head: bytes) -> None:
    began = time.monotonic()

    detection.detect_type(head)

    assert time.monotonic() - began < 1


def test_detector_starts_python_when_the_server_is_another_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/usr/bin/uwsgi")

    detector = Detector()

    assert detector.detect(heads.PDF) == "application/pdf"
    detector.stop()


# Tests without a working libmagic


@pytest.fixture
def missing_libmagic(monkeypatch: pytest.MonkeyPatch) -> Detector:
    detector = Detector([sys.executable, "-c", "raise SystemExit(1)"])
    monkeypatch.setattr(detection, "detector", detector)
    return detector


def test_missing_libmagic_is_reported_and_not_retried_for_each_file(
    missing_libmagic: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DetectorUnavailableError, match="pylibmagic"):
        missing_libmagic.detect(b"a")
    # With None in place of the class, a second start of the child raises TypeError.
    monkeypatch.setattr(module, "Child", None)
    with pytest.raises(DetectorUnavailableError):
        missing_libmagic.detect(b"a")
    assert missing_libmagic.detect_many([b"a"]) == []


def test_disguises_are_refused_without_libmagic(
    missing_libmagic: Any,
) -> None:
    inspector = DisguiseInspector()

    assert not inspector.inspect(sample_of(heads.PE, filename="a.pdf")).accepted
    verdict = inspector.inspect(sample_of(heads.PNG, filename="a.png"))
    assert (verdict.accepted, verdict.detected_type) == (True, "")


def test_system_check_fails_without_libmagic(missing_libmagic: Any) -> None:
    [found] = checks.check_detector()

    assert found.id == "uploads.E009"
    assert "pylibmagic" in found.msg


def test_system_check_passes_with_libmagic() -> None:
    assert checks.check_detector() == []


def test_policy_uses_name_and_declared_type_without_libmagic(
    missing_libmagic: Any,
) -> None:
    policy = Policy(10, ("image/*",))

    policy.check_content("a.png", "image/png", None)
    with pytest.raises(ContentTypeNotAllowed):
        policy.check_content("a.pdf", "application/pdf", None)
