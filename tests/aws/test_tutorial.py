"""Run the tutorial about the first bucket, as a reader does, on an emulator of AWS."""

from __future__ import annotations

import os
import subprocess
import uuid
from pathlib import Path

import boto3

from tests.hosts.pages import ROOT, as_script, blocks, with_values
from tests.plugins.ministack import MiniStack

TOOLS = (ROOT / ".venv" / "bin", ROOT / ".venv-tools" / "ministack" / "bin")
TIMEOUT_SECONDS = 1200


def test_every_command_of_the_tutorial_works(
    ministack: MiniStack, tmp_path: Path
) -> None:
    name = f"tutorial-{uuid.uuid4().hex[:8]}"
    choice, *others = blocks("first-bucket.md")
    values = {
        "BUCKET": name,
        "REGION": "us-east-1",
        "SITE": "https://files.example.com",
    }
    script = as_script([with_values(choice, values), *others], str(tmp_path / "out"))
    # The environment of a reader's shell, plus the URLs of the emulator.
    environment = {
        "HOME": str(tmp_path),
        "PATH": f"{TOOLS[0]}:{TOOLS[1]}:{os.environ['PATH']}",
        "LANG": "C.UTF-8",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": ministack.url,
        "S3_ENDPOINT_URL": ministack.url,
        "S3_ADDRESSING_STYLE": "path",
        "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
        "DATA_DIR": str(tmp_path),
    }

    ran = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    received = (tmp_path / "out" / str(len(others))).read_text()
    assert "FAIL" not in received
    assert "WARN" not in received
    assert "OK" in received
    cors = boto3.client("s3", endpoint_url=ministack.url).get_bucket_cors(Bucket=name)
    assert cors["CORSRules"][0]["AllowedOrigins"] == ["https://files.example.com"]
