"""The loopback benchmark installs and runs the other programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench.browser.support import command_line
from bench.browser.support.command_line import PROGRAMS, Program
from bench.browser.support.machine import child_cpu_seconds
from bench.browser.support.senders import Run, Senders
from bench.browser.support.site import Site

EACH = pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
SECRET = "top-secret"


class Recorder:
    """Takes the place of Senders. Records how a program is run."""

    def __init__(self, folder: Path, stored: list[int]) -> None:
        objects = {"Contents": [{"Size": size} for size in stored]}
        self.site = SimpleNamespace(
            folder=folder,
            s3_url="http://127.0.0.1:8333",
            access="access",
            secret=SECRET,
            s3=SimpleNamespace(list_objects_v2=lambda **_: objects),
            process=SimpleNamespace(pid=os.getpid()),
        )
        self.command: list[str] = []
        self.environment: dict[str, str] = {}

    def run_program(self, command: list[str], *, environment: dict[str, str]) -> Run:
        self.command, self.environment = command, environment
        return Run(2)


def send(recorder: Recorder, program: Program, files: list[str]) -> Run:
    binary = Path("/programs") / program.binary
    return command_line.send(cast("Senders", recorder), program, binary, files)


def two_files(folder: Path) -> list[str]:
    paths = [folder / "a.bin", folder / "b.bin"]
    for path in paths:
        path.write_bytes(b"12345")
    return [str(path) for path in paths]


@EACH
def test_benchmark_passes_keys_only_in_the_environment(
    program: Program, tmp_path: Path
) -> None:
    recorder = Recorder(tmp_path, [5, 5])
    assert send(recorder, program, two_files(tmp_path)) == Run(2)
    assert recorder.command[0] == f"/programs/{program.binary}"
    assert SECRET not in " ".join(recorder.command)
    assert recorder.environment["AWS_SECRET_ACCESS_KEY"] == SECRET


@EACH
@pytest.mark.parametrize("stored", [[], [5], [5, 4]])
def test_run_that_stores_too_few_bytes_raises(
    program: Program, stored: list[int], tmp_path: Path
) -> None:
    with pytest.raises(RuntimeError, match="objects"):
        send(Recorder(tmp_path, stored), program, two_files(tmp_path))


def test_settings_of_the_user_do_not_change_the_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_PROFILE", "RCLONE_TRANSFERS", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "32")
    monkeypatch.setenv("RCLONE_CONFIG", "/home/me/rclone.conf")
    site = cast("Site", Recorder(tmp_path, []).site)
    assert {"32", "/home/me/rclone.conf"}.isdisjoint(
        command_line.environment_of(site).values()
    )


def test_run_of_boto3_uses_the_time_that_the_program_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []

    def run(command: list[Any], **options: Any) -> subprocess.CompletedProcess[bytes]:
        calls.append((command, options["env"]))
        figures = json.dumps({"seconds": 3.5, "cpu": 1.25})
        return subprocess.CompletedProcess(command, 0, figures.encode())

    monkeypatch.setattr(subprocess, "run", run)
    recorder = Recorder(tmp_path, [5, 5])
    run_of_boto3 = command_line.send_with_boto3(
        cast("Senders", recorder), two_files(tmp_path)
    )
    assert (run_of_boto3.seconds, run_of_boto3.client_cpu) == (3.5, 1.25)
    [(command, environment)] = calls
    assert SECRET not in " ".join(map(str, command))
    assert environment["AWS_SECRET_ACCESS_KEY"] == SECRET


def test_program_that_cannot_be_installed_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def install(program: Program) -> Path | None:
        return None if program.name == "rclone" else tmp_path

    monkeypatch.setattr(command_line, "install", install)
    recorder = cast("Senders", Recorder(tmp_path, []))
    assert set(command_line.command_line_programs(recorder)) == {"boto3", "s5cmd"}
    assert "rclone could not be installed" in capsys.readouterr().out


@EACH
def test_program_is_installed_again_only_if_the_lock_file_has_changed(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every installation fails, because pip may not read any index.
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setattr(command_line, "INSTALLED", tmp_path)
    binary = tmp_path / program.name / program.binary
    binary.parent.mkdir(parents=True)
    binary.touch()
    lines = command_line.locked_lines(program.package, command_line.LOCK.read_text())
    (tmp_path / program.name / "requirements.txt").write_text(lines)
    assert command_line.install(program) == binary

    new_lock = tmp_path / "programs.txt"
    new_lock.write_text(lines.replace("==", "==9"))
    monkeypatch.setattr(command_line, "LOCK", new_lock)
    assert command_line.install(program) is None
    assert not binary.exists()


def test_locked_lines_returns_only_the_lines_of_one_package() -> None:
    lock = (
        "a==1 \\\n    --hash=sha256:11\n    # via x\na-b==2 \\\n    --hash=sha256:22\n"
    )
    assert command_line.locked_lines("a-b", lock) == (
        "a-b==2 \\\n    --hash=sha256:22\n"
    )
    with pytest.raises(ValueError, match="package c"):
        command_line.locked_lines("c", lock)


def test_cpu_time_of_an_ended_program_is_counted() -> None:
    before = child_cpu_seconds()
    work = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-c", work], check=True)
    assert child_cpu_seconds() - before >= 0.3
