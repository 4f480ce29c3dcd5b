"""Start and stop child processes, and record their pids."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from uploads.dev.processes import PidRecord, end_with_parent, spawn, started_at, stop

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
IGNORES_SIGTERM = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""
PARENT_OF_SLEEPING_CHILD = f"""
import signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(subprocess.Popen({SLEEP!r}, stdout=subprocess.DEVNULL).pid, flush=True)
time.sleep(600)
"""


def spawn_parent_ignoring_sigterm() -> subprocess.Popen[bytes]:
    """Start a process that ignores SIGTERM and prints the pid of its sleeping child."""
    return subprocess.Popen(
        [sys.executable, "-c", PARENT_OF_SLEEPING_CHILD],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )


def wait_until_ended(pid: int) -> None:
    deadline = time.monotonic() + 60
    while started_at(pid) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = spawn(SLEEP)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def record(tmp_path: Path) -> PidRecord:
    return PidRecord(tmp_path / "run" / "sleeper.pid")


def test_pid_record_returns_the_pid_of_a_running_process(
    record: PidRecord, sleeper: subprocess.Popen[bytes]
) -> None:
    record.write(sleeper.pid)

    assert record.pid() == sleeper.pid


def test_pid_record_of_an_ended_process_returns_none(
    record: PidRecord, sleeper: subprocess.Popen[bytes]
) -> None:
    record.write(sleeper.pid)
    sleeper.kill()
    sleeper.wait()

    assert record.pid() is None
    assert not record.end_leftover()


def test_leftover_process_is_stopped(
    record: PidRecord, sleeper: subprocess.Popen[bytes]
) -> None:
    record.write(sleeper.pid)

    assert record.end_leftover()
    assert started_at(sleeper.pid) is None
    assert not record.path.exists()


def test_leftover_process_that_ignores_sigterm_is_killed(record: PidRecord) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", IGNORES_SIGTERM], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        record.write(child.pid)

        assert record.end_leftover(timeout=0.2)
        assert child.wait(60) == -9


def test_killing_a_leftover_process_kills_its_group(
    record: PidRecord,
) -> None:
    with spawn_parent_ignoring_sigterm() as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        record.write(parent.pid)

        assert record.end_leftover(timeout=0.2)

        wait_until_ended(child)


def test_pid_record_is_replaced_atomically(
    record: PidRecord, sleeper: subprocess.Popen[bytes]
) -> None:
    record.write(sleeper.pid)

    with record.path.open() as reader:
        record.write(os.getpid())
        found = json.load(reader)

    assert found["pid"] == sleeper.pid
    assert record.pid() == os.getpid()
    assert list(record.path.parent.iterdir()) == [record.path]


def test_other_process_with_the_same_pid_is_not_stopped(
    record: PidRecord, sleeper: subprocess.Popen[bytes]
) -> None:
    record.write(sleeper.pid)
    written = json.loads(record.path.read_text())
    record.path.write_text(json.dumps({**written, "started_at": "long ago"}))

    assert not record.end_leftover()
    assert sleeper.poll() is None


def test_copy_of_a_pid_record_does_not_stop_the_original_process(
    record: PidRecord, sleeper: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    record.write(sleeper.pid)
    shutil.copytree(record.path.parent, tmp_path / "copy")
    copied = PidRecord(tmp_path / "copy" / record.path.name)

    assert copied.pid() is None
    assert not copied.end_leftover()
    assert sleeper.poll() is None
    assert record.pid() == sleeper.pid


@pytest.mark.parametrize("text", ["", "12", "[]", "{}", '{"pid": "x"}'])
def test_damaged_pid_record_returns_none(record: PidRecord, text: str) -> None:
    record.path.parent.mkdir()
    record.path.write_text(text)

    assert record.pid() is None


def test_stop_ends_a_child_that_ignores_sigterm() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", IGNORES_SIGTERM], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()

        stop(child, timeout=0.2)

        assert child.returncode == -9


def test_stop_kills_the_group_of_a_child_that_ignores_sigterm() -> None:
    with spawn_parent_ignoring_sigterm() as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())

        stop(parent, timeout=0.2)

        wait_until_ended(child)


def test_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    assert end_with_parent(), (
        "This system cannot end a child process together with its parent."
    )
    pid_file = tmp_path / "pid"
    # The death signal is set before the program starts. So after the program has
    # written its pid, the signal is set.
    child_program = f"""
import os, pathlib, time
pathlib.Path({str(pid_file)!r}).write_text(str(os.getpid()))
time.sleep(600)
"""
    command = [sys.executable, "-c", child_program]
    program = f"from uploads.dev.processes import spawn; spawn({command!r}).wait()"
    parent = subprocess.Popen([sys.executable, "-c", program])
    deadline = time.monotonic() + 60
    while not (pid_file.exists() and pid_file.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    child = int(pid_file.read_text())

    parent.kill()
    parent.wait()

    wait_until_ended(child)


def test_start_time_of_a_process_is_constant() -> None:
    assert started_at(os.getpid()) == started_at(os.getpid()) is not None
