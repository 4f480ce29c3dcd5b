"""`make run` and `make manage`, as processes: they start, survive and stop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from uploads.dev.ports import HOST, free_ports, is_answering
from uploads.dev.processes import PidRecord, started_at

PATIENCE_SECONDS = 120
RECORDS = ("web.pid", "s3/s3.pid")
COUNT_USERS = (
    "from django.contrib.auth.models import User; print('users', User.objects.count())"
)


@dataclass
class Demo:
    """One demo site under test, on ports and in a folder of its own."""

    port: int
    s3_port: int
    data_dir: Path
    process: subprocess.Popen[str] | None = None

    def command(self, action: str) -> list[str]:
        words = [sys.executable, "-m", "uploads.dev", action]
        words += ["--port", str(self.port), "--s3-port", str(self.s3_port)]
        return [*words, "--data-dir", str(self.data_dir)]

    def start(self) -> None:
        with (self.data_dir / "terminal.log").open("a") as terminal:
            self.process = subprocess.Popen(
                self.command("run"), stdout=terminal, stderr=terminal, text=True
            )
        until(lambda: "Ctrl-C" in self.terminal() or self.process_ended())
        assert not self.process_ended(), self.terminal()

    def stop(self, signum: int = signal.SIGINT) -> int:
        assert self.process is not None
        self.process.send_signal(signum)
        return self.process.wait(PATIENCE_SECONDS)

    def run(self, action: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command(action), *words],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def process_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def terminal(self) -> str:
        return (self.data_dir / "terminal.log").read_text()

    def pid_of(self, record: str) -> int | None:
        return PidRecord(self.data_dir / record).pid()

    def answers(self) -> bool:
        return all(
            status(f"http://{HOST}:{port}/healthz") == 200
            for port in (self.port, self.s3_port)
        )


def status(url: str) -> int | None:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as response:
            return int(response.status)
    except OSError:
        return None


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    port, s3_port = free_ports(2)
    demo = Demo(port, s3_port, tmp_path)
    yield demo
    if demo.process is not None and not demo.process_ended():
        demo.stop()


def test_ctrl_c_stops_everything_that_was_started(demo: Demo) -> None:
    demo.start()
    pids = [pid for record in RECORDS if (pid := demo.pid_of(record))]
    assert demo.answers()
    assert len(pids) == len(RECORDS)

    assert demo.stop(signal.SIGINT) == 0

    assert [started_at(pid) for pid in pids] == [None, None]
    assert not is_answering(demo.port)
    assert not is_answering(demo.s3_port)


@pytest.mark.parametrize("record", RECORDS)
def test_a_killed_server_is_started_again(demo: Demo, record: str) -> None:
    demo.start()
    killed = demo.pid_of(record)
    assert killed

    os.kill(killed, signal.SIGKILL)

    until(lambda: "starting it again" in demo.terminal())
    until(lambda: demo.pid_of(record) not in {None, killed} and demo.answers())


def test_a_killed_supervisor_leaves_nothing_in_the_way_of_the_next(demo: Demo) -> None:
    demo.start()
    assert demo.stop(signal.SIGKILL) == -signal.SIGKILL
    (demo.data_dir / "terminal.log").unlink()

    demo.start()

    assert demo.answers()


def test_the_site_stops_with_the_program_that_started_it(demo: Demo) -> None:
    shell = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys; subprocess.run(sys.argv[1:])",
            *demo.command("run"),
        ],
        stdout=subprocess.DEVNULL,
    )
    until(demo.answers)

    shell.kill()
    shell.wait()

    until(lambda: not is_answering(demo.port) and not is_answering(demo.s3_port))


@pytest.mark.parametrize("which", ["port", "s3_port"])
def test_a_port_taken_by_another_program_is_named(demo: Demo, which: str) -> None:
    with socket.create_server((HOST, getattr(demo, which))):
        answer = demo.run("run")

    assert answer.returncode == 1
    assert f"Port {getattr(demo, which)}" in answer.stderr
    assert "is taken by another program" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_second_start_in_the_same_folder_is_refused(demo: Demo) -> None:
    demo.start()

    answer = demo.run("run")

    assert answer.returncode == 1
    assert f"A site runs already at http://{HOST}:{demo.port}" in answer.stderr
    assert demo.answers()


def test_a_command_finds_the_site_while_it_runs_and_after(demo: Demo) -> None:
    demo.start()
    during = demo.run("manage", "--", "shell", "--no-imports", "-c", COUNT_USERS)
    demo.stop()
    after = demo.run("manage", "--", "shell", "--no-imports", "-c", COUNT_USERS)

    assert (during.returncode, during.stdout) == (0, "users 2\n")
    assert (after.returncode, after.stdout) == (0, "users 2\n")
    assert not is_answering(demo.s3_port)


def test_a_commands_exit_code_is_passed_on(demo: Demo) -> None:
    assert demo.run("manage", "--", "no-such-command").returncode != 0
