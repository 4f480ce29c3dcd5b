"""checkov has no findings, except for checks that are skipped with a reason."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.infra.terraform_code import ROOT, TERRAFORM


def scanned(folder: Path) -> dict[str, Any]:
    """Return checkov's report.

    Its rules are in the package, so it downloads nothing.
    """
    result = subprocess.run(
        [
            str(Path(sys.executable).with_name("checkov")),
            "--directory",
            str(folder),
            "--framework",
            "terraform",
            "--skip-download",
            "--quiet",
            "--compact",
            "--output",
            "json",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def test_checkov_has_no_failed_check() -> None:
    report = scanned(TERRAFORM)

    failed = [
        f"{each['check_id']} {each['file_path']} {each['resource']}"
        for each in report["results"]["failed_checks"]
    ]
    assert failed == []
    assert report["summary"]["passed"] > 80
    assert report["summary"]["parsing_errors"] == 0


def test_checkov_rejects_an_unprotected_bucket(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        'resource "aws_s3_bucket" "a" {\n  bucket = "x"\n  acl = "public-read"\n}\n'
    )

    failed = scanned(tmp_path)["results"]["failed_checks"]

    assert "CKV_AWS_20" in {each["check_id"] for each in failed}


def test_skipped_checks_have_a_reason() -> None:
    skips = [
        (path, reason)
        for path in TERRAFORM.rglob("*.tf")
        for reason in re.findall(r"checkov:skip=\w+:?(.*)", path.read_text())
    ]
    assert skips

    assert [path for path, reason in skips if len(reason.split()) < 4] == []
