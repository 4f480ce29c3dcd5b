"""A running site of `make run`: killed processes, second starts, commands."""

from __future__ import annotations

import os
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.demo.sites import RECORDS, Demo, wait_until
from uploads.dev.ports import HOST
from uploads.dev.processes import started_at


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    demo = Demo.on_free_ports(tmp_path_factory.mktemp("running"))
    yield demo
    demo.end()


@pytest.fixture
def running(shared: Demo) -> Demo:
    """Return a running site. Tests must leave the site running."""
    if shared.process is None or shared.process_ended():
        shared.start()
    wait_until(lambda: shared.pid_of("sweep.pid") is not None)
    return shared


@pytest.mark.parametrize("record", RECORDS)
def test_killed_server_is_restarted(running: Demo, record: str) -> None:
    killed = running.pid_of(record)
    assert killed
    received = running.terminal().count("is started again")

    os.kill(killed, signal.SIGKILL)

    wait_until(lambda: running.terminal().count("is started again") == received + 1)
    wait_until(
        lambda: running.pid_of(record) not in {None, killed} and running.answers()
    )


def test_next_start_stops_the_processes_of_a_killed_supervisor(
    running: Demo,
) -> None:
    left = [running.pid_of(record) for record in RECORDS]
    assert all(left)
    assert running.stop(signal.SIGKILL) == -signal.SIGKILL

    running.start()

    assert running.answers()
    # This includes the old sweeper. Otherwise two sweepers would run.
    assert [started_at(pid) for pid in left if pid] == [None] * len(RECORDS)


def test_site_is_swept_regularly_and_on_demand(running: Demo) -> None:
    log = running.data_dir / "sweep.log"
    wait_until(lambda: log.exists() and '"looked_at"' in log.read_text())

    answer = running.run("manage", "--", "sweep")

    assert answer.returncode == 0, answer.stderr
    assert '"failed": 0' in answer.stdout


def test_second_start_in_the_same_folder_is_refused(running: Demo) -> None:
    answer = running.run("run")

    assert answer.returncode == 1
    assert f"Another site at http://{HOST}:{running.port}" in answer.stderr
    assert running.answers()


def test_command_reads_the_data_of_the_running_site(running: Demo) -> None:
    assert running.count_users() == (3, "users 2\n")


def test_missing_page_shows_the_sites_404_page(running: Demo) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"http://{HOST}:{running.port}/nothing")

    assert caught.value.code == 404
    assert "This page is not here" in caught.value.read().decode()


def test_first_doctor_of_a_new_site_finds_no_problem(running: Demo) -> None:
    """The setup of the site has stored which settings SeaweedFS does not support."""
    answer = running.run("manage", "--", "doctor")

    assert answer.returncode == 0, answer.stdout
    assert "WARN" not in answer.stdout
    assert "Connection to the bucket [connection]" in answer.stdout


def test_terminal_shows_no_requests(running: Demo) -> None:
    assert running.answers()

    assert "slipway.request" not in running.terminal()
