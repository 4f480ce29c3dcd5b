"""The counters of several processes are added up, also those of ended processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).resolve().parents[3]

COUNT = """
import sys
from uploads.metrics.counting import count_request
for _ in range(int(sys.argv[1])):
    count_request("home", method="GET", status=200, seconds=0.02)
"""
READ = """
from prometheus_client import generate_latest
from uploads.metrics.files import processes_of_this_host
with processes_of_this_host() as registry:
    print(generate_latest(registry).decode())
"""
ARCHIVE = """
import sys
from uploads.metrics.files import archive_process
archive_process(int(sys.argv[1]))
"""


def run(folder: Path, code: str, *words: str) -> tuple[int, str]:
    """Run code in a process that counts in ``folder``. Return its id and its output."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
    )
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return process.pid, output


def sums(folder: Path) -> dict[str, float]:
    return {
        f"{sample.name}{sample.labels.get('le', '')}": sample.value
        for family in text_string_to_metric_families(run(folder, READ)[1])
        for sample in family.samples
    }


def test_counters_of_processes_are_added_up_before_and_after_their_end(
    tmp_path: Path,
) -> None:
    pids = [run(tmp_path, COUNT, str(times))[0] for times in (3, 4)]
    before = sums(tmp_path)
    for pid in pids:
        run(tmp_path, ARCHIVE, str(pid))
    run(tmp_path, COUNT, "5")

    assert before["slipway_requests_total"] == 7
    assert before["slipway_request_seconds_bucket0.025"] == 7
    after = sums(tmp_path)
    assert after["slipway_requests_total"] == 12
    assert after["slipway_request_seconds_count"] == 12
    assert after["slipway_request_seconds_bucket0.01"] == 0
    assert after["slipway_request_seconds_bucket0.025"] == 12
    # The archive has a file for counters and a file for histograms. The last process
    # has two such files too.
    assert len(list(tmp_path.glob("*.db"))) == 4


def test_each_master_process_gets_an_empty_directory(tmp_path: Path) -> None:
    leftover = tmp_path / "slipway-metrics-99999999-abc"
    leftover.mkdir()
    (leftover / "counter_1.db").write_bytes(b"")
    foreign = tmp_path / "other"
    foreign.mkdir()
    running = tmp_path / f"slipway-metrics-{os.getppid()}-abc"
    running.mkdir()

    code = (
        "import os, runpy; runpy.run_path('config/gunicorn.py');"
        "first = os.environ['PROMETHEUS_MULTIPROC_DIR'];"
        "runpy.run_path('config/gunicorn.py');"
        "assert os.environ['PROMETHEUS_MULTIPROC_DIR'] == first;"
        "print(os.getpid(), first, os.listdir(first))"
    )
    pid, output = _run_configuration(code, tmp_path)

    _, made, listed = output.strip().split(" ", 2)
    assert Path(made).parent == tmp_path
    assert Path(made).name.startswith(f"slipway-metrics-{pid}-")
    assert Path(made).stat().st_mode & 0o077 == 0
    assert listed == "[]"
    assert not leftover.exists()
    assert foreign.exists()
    assert running.exists()


def test_master_that_replaces_another_gets_its_own_directory(tmp_path: Path) -> None:
    inherited = tmp_path / "slipway-metrics-1-abc"
    inherited.mkdir()
    code = (
        "import os, runpy; runpy.run_path('config/gunicorn.py');"
        "print(os.environ['PROMETHEUS_MULTIPROC_DIR'])"
    )

    _, output = _run_configuration(
        code,
        tmp_path,
        PROMETHEUS_MULTIPROC_DIR=str(inherited),
        SLIPWAY_METRICS_MASTER="1",
    )

    assert Path(output.strip()) != inherited
    assert inherited.exists()


def _run_configuration(code: str, parent: Path, **more: str) -> tuple[int, str]:
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "METRICS_DIR": str(parent), **more},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return process.pid, output
