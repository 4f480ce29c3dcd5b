"""Terraform computes the same policies and rules as the application."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.infra.terraform_code import TERRAFORM, run_terraform

BUCKET = {
    "name": "my-bucket",
    "site_origins": ["https://a.example", "https://b.example:8443"],
    "quarantine_prefix": "quarantine/",
    "versioning": True,
    "organisation_id": "o-abc",
    "queue_arn": "arn:aws:sqs:eu-west-1:1:q",
    "kms_key_arn": "arn:aws:kms:eu-west-1:1:key/k",
}
IAM = {
    "name": "x",
    "bucket_arn": "arn:aws:s3:::my-bucket",
    "quarantine_prefix": "quarantine/",
    "versioning": True,
    "queue_arn": "arn:aws:sqs:eu-west-1:1:q",
    "kms_key_arn": "arn:aws:kms:eu-west-1:1:key/k",
}


def evaluated(
    module: str, expression: str, inputs: dict[str, Any], tmp_path: Path
) -> Any:
    """Return the values of a module's locals, without its resources or a provider."""
    root = tmp_path / "terraform"
    shutil.copytree(TERRAFORM / "rendered", root / "rendered")
    folder = root / "modules" / module
    folder.mkdir(parents=True)
    source = TERRAFORM / "modules" / module
    shutil.copy(source / "variables.tf", folder)
    found = re.search(
        r"^locals \{.*?^\}", (source / "main.tf").read_text(), re.MULTILINE | re.DOTALL
    )
    assert found
    text = found[0].replace("${data.aws_partition.current.partition}", "aws")
    (folder / "main.tf").write_text(
        f'{text}\noutput "found" {{\n  value = {expression}\n}}\n'
    )
    (folder / "inputs.auto.tfvars.json").write_text(json.dumps(inputs))
    for arguments in (("init", "-no-color"), ("apply", "-auto-approve", "-no-color")):
        result = run_terraform(folder, *arguments)
        assert result.returncode == 0, result.stdout + result.stderr
    state = json.loads((folder / "terraform.tfstate").read_text())
    return state["outputs"]["found"]["value"]


def test_bucket_policy_has_every_statement(tmp_path: Path) -> None:
    policy = json.loads(evaluated("bucket", "local.policy_json", BUCKET, tmp_path))

    statements = {each["Sid"]: each for each in policy["Statement"]}
    assert list(statements) == [
        "SlipwayTlsOnly",
        "SlipwaySigV4Only",
        "SlipwayShortUrlsOnly",
        "SlipwayOrganisationOnly",
        "SlipwayKeepTheBucket",
    ]
    assert all(each["Effect"] == "Deny" for each in policy["Statement"])
    assert statements["SlipwayTlsOnly"]["Resource"] == [
        "arn:aws:s3:::my-bucket",
        "arn:aws:s3:::my-bucket/*",
    ]
    assert "${" not in json.dumps(policy)


def test_statements_of_the_bucket_policy_are_optional(tmp_path: Path) -> None:
    inputs = {
        "name": "my-bucket",
        "site_origins": ["https://a.example"],
        "attach_sigv4_only": False,
        "attach_deny_bucket_deletion": False,
    }

    policy = json.loads(evaluated("bucket", "local.policy_json", inputs, tmp_path))

    names = [each["Sid"] for each in policy["Statement"]]
    assert names == ["SlipwayTlsOnly", "SlipwayShortUrlsOnly"]


def test_cors_admits_only_the_given_origins(tmp_path: Path) -> None:
    rule = evaluated("bucket", "local.wanted.cors", BUCKET, tmp_path)

    assert rule["AllowedOrigins"] == ["https://a.example", "https://b.example:8443"]
    assert "DELETE" not in rule["AllowedMethods"]


def test_rules_of_disabled_features_are_omitted(tmp_path: Path) -> None:
    inputs = {"name": "my-bucket", "site_origins": ["https://a.example"]}

    rules = evaluated(
        "bucket", "[for rule in local.lifecycle_rules : rule.ID]", inputs, tmp_path
    )

    assert rules == ["slipway-abort-incomplete", "slipway-doctor", "slipway-incoming"]


def test_origin_with_a_wildcard_or_a_slash_is_refused(tmp_path: Path) -> None:
    for number, origin in enumerate(("*", "https://*.example", "https://a.example/")):
        inputs = {"name": "my-bucket", "site_origins": [origin]}
        with pytest.raises(AssertionError, match="An origin must be a scheme"):
            evaluated("bucket", "local.wanted.cors", inputs, tmp_path / str(number))


def test_policy_of_the_signer_permits_only_put(tmp_path: Path) -> None:
    policy = json.loads(evaluated("iam", "local.policies.signer", IAM, tmp_path))

    rights = {
        (action, resource)
        for statement in policy["Statement"]
        for action in statement["Action"]
        for resource in statement["Resource"]
    }
    assert {right for right in rights if right[0].startswith("s3:")} == {
        ("s3:PutObject", "arn:aws:s3:::my-bucket/uploads/*")
    }
    assert {right[0] for right in rights} <= {
        "s3:PutObject",
        "kms:GenerateDataKey",
        "kms:Decrypt",
    }


def test_policy_of_the_worker_depends_on_the_features(tmp_path: Path) -> None:
    small = {"name": "x", "bucket_arn": "arn:aws:s3:::my-bucket"}

    everything = evaluated("iam", "local.policies.worker", IAM, tmp_path / "a")
    without = evaluated("iam", "local.policies.worker", small, tmp_path / "b")

    for word in ("quarantine/", "s3:DeleteObjectVersion", "sqs:", "kms:"):
        assert word in everything
        assert word not in without


ALARMS = {
    "name": "x",
    "log_group_name": "site",
    "queue_name": "q",
    "dead_letter_queue_name": "d",
    "function_names": ["web", "sweep"],
}


def test_all_alarms_exist_when_all_inputs_are_given(tmp_path: Path) -> None:
    alarms = evaluated("alarms", "local.alarms", ALARMS, tmp_path)

    assert sorted(alarms) == [
        "dead-letters",
        "errors-sweep",
        "errors-web",
        "notification-age",
        "presign-rate",
        "server-errors",
        "storage-failures",
        "throttles-sweep",
        "throttles-web",
    ]
    assert alarms["server-errors"]["threshold"] == 5
    assert alarms["notification-age"]["dimensions"] == {"QueueName": "q"}
    assert alarms["throttles-web"]["dimensions"] == {"FunctionName": "web"}
    assert {name for name, alarm in alarms.items() if alarm["band"]} == {"presign-rate"}


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, []),
        ({"queue_name": "q"}, ["notification-age"]),
        ({"function_names": ["web"]}, ["errors-web", "throttles-web"]),
        (
            {"log_group_name": "site"},
            ["presign-rate", "server-errors", "storage-failures"],
        ),
    ],
)
def test_alarms_without_their_input_are_omitted(
    given: dict[str, Any], names: list[str], tmp_path: Path
) -> None:
    inputs = {"name": "x", **given}

    alarms = evaluated("alarms", "keys(local.alarms)", inputs, tmp_path)

    assert sorted(alarms) == names
