"""All benchmarks write their results with bench/report.py."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.report import Bar, Row, report

REPORT = Path(__file__).resolve().parents[2] / "bench" / "report.py"
ROWS = [Row("ours & theirs", 4.0, "us"), Row("two hashes", 0.0, "s")]


def test_result_is_written_as_json_and_svg(tmp_path: Path) -> None:
    report("presign", ROWS, [Bar("a / b", 60.0, at_least=60)], folder=tmp_path)
    facts = json.loads((tmp_path / "presign.json").read_text())
    assert facts["rows"][0] == {"label": "ours & theirs", "value": 4.0, "unit": "us"}
    assert facts["bars"][0]["missed"] is False
    assert {"date", "cpu", "cores", "sha"} <= facts["machine"].keys()
    plot = ET.fromstring((tmp_path / "presign.svg").read_text())  # noqa: S314
    assert len(plot.findall("{http://www.w3.org/2000/svg}rect")) == 1 + len(ROWS)


@pytest.mark.parametrize(
    "bar",
    [
        Bar("slower", 48, at_least=60),
        Bar("longer", 1.79, at_most=1.5),
        Bar("without a limit", 0.0),
    ],
)
def test_ratio_within_the_tolerance_passes(bar: Bar, tmp_path: Path) -> None:
    report("lanes", ROWS, [bar], folder=tmp_path)


@pytest.mark.parametrize(
    "bar", [Bar("too slow", 47.9, at_least=60), Bar("too long", 1.81, at_most=1.5)]
)
def test_ratio_far_from_its_limit_fails(bar: Bar, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=bar.label):
        report("lanes", ROWS, [bar], folder=tmp_path)
    assert json.loads((tmp_path / "lanes.json").read_text())["bars"][0]["missed"]


def test_missed_limit_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report("lanes", ROWS, [Bar("a / b", 55, at_least=60)], folder=tmp_path)
    assert "55.00  (at least 60: missed)" in capsys.readouterr().out


def test_invalid_request_of_another_program_gets_a_message() -> None:
    facts = {"name": "x", "rows": [{"label": "six lanes", "value": 1}]}
    done = subprocess.run(
        [sys.executable, str(REPORT)],
        input=json.dumps(facts),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "unit" in done.stderr
