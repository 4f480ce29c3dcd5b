"""Run the commands of the tutorial "Your first upload" as a reader does."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo.sites import TIMEOUT_SECONDS, Demo
from tests.hosts.pages import ROOT, as_script, blocks
from uploads.dev.ports import HOST


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    demo = Demo.on_free_ports(tmp_path / "site")
    demo.data_dir.mkdir()
    demo.start()
    yield demo
    demo.end()


def test_commands_of_the_tutorial_upload_a_file(demo: Demo, tmp_path: Path) -> None:
    start, *commands = blocks("first-upload.md")
    assert start.text == "make run\n"  # the fixture has started the site
    places = {
        "SITE": f"http://{HOST}:{demo.port}",
        "PORT": str(demo.port),
        "S3_PORT": str(demo.s3_port),
        "DATA_DIR": str(demo.data_dir),
    }

    answer = subprocess.run(
        ["bash", "-c", as_script(commands, str(tmp_path / "outputs"))],
        cwd=ROOT,
        env=os.environ | places,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )

    assert answer.returncode == 0, answer.stdout + answer.stderr
    outputs = [
        (tmp_path / "outputs" / str(number)).read_text()
        for number in range(len(commands))
    ]
    started, sent, completed, downloaded, compared = outputs[1:]
    assert '"state":"pending"' in started
    assert sent == ""
    assert '"state":"ready"' in completed
    assert "My first upload" in downloaded
    assert compared.startswith("412\n")
    assert " 0 differences" in compared
