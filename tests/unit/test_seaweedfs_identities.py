"""The worker of the S3 server in the tutorials has the rights that the code needs."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

from django.core.management import call_command
from pytest_django import Settings

FILE = Path(__file__).resolve().parents[2] / "infra" / "seaweedfs" / "identities.json"


def test_worker_has_the_policy_that_the_command_iam_policy_prints(
    settings: Settings,
) -> None:
    settings.S3_BUCKET = "slipway"
    output = StringIO()
    call_command("iam_policy", "worker", stdout=output)
    document = json.loads(FILE.read_text())
    [worker] = [each for each in document["identities"] if each["name"] == "worker"]
    policies = {each["name"]: each["content"] for each in document["policies"]}

    assert worker["actions"] == []
    assert worker["policyNames"] == ["worker"]
    assert json.loads(policies["worker"]) == json.loads(output.getvalue())
