"""Start and stop the processes of `make run` and `make manage`."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo.sites import RECORDS, Demo, wait_until
from uploads.dev.ports import HOST, is_answering
from uploads.dev.processes import started_at


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the data folder of all tests.

    The first started site creates its database.
    """
    return tmp_path_factory.mktemp("demo")


@pytest.fixture
def demo(folder: Path) -> Iterator[Demo]:
    demo = Demo.on_free_ports(folder)
    yield demo
    demo.end()


def test_ctrl_c_stops_all_processes_and_commands_still_read_the_data(
    demo: Demo,
) -> None:
    demo.start()
    wait_until(lambda: all(demo.pid_of(record) for record in RECORDS))
    pids = [pid for record in RECORDS if (pid := demo.pid_of(record))]
    assert demo.answers()
    assert len(pids) == len(RECORDS)

    assert demo.stop(signal.SIGINT) == 0

    assert [started_at(pid) for pid in pids] == [None] * len(pids)
    assert not is_answering(demo.port)
    assert not is_answering(demo.s3_port)

    assert demo.count_users() == (3, "users 2\n")
    assert not is_answering(demo.s3_port)


def test_site_stops_when_its_parent_process_is_killed(demo: Demo) -> None:
    shell = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys; subprocess.run(sys.argv[1:])",
            *demo.command("run"),
        ],
        stdout=subprocess.DEVNULL,
    )
    wait_until(demo.answers)

    shell.kill()
    shell.wait()

    wait_until(lambda: not is_answering(demo.port) and not is_answering(demo.s3_port))


@pytest.mark.parametrize("which", ["port", "s3_port"])
def test_port_in_use_is_named(demo: Demo, which: str) -> None:
    with socket.create_server((HOST, getattr(demo, which))):
        answer = demo.run("run")

    assert answer.returncode == 1
    assert f"Another program uses port {getattr(demo, which)}" in answer.stderr
    assert "Traceback" not in answer.stderr
