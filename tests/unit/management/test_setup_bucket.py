"""Test the output and the error messages of the command setup_bucket."""

from __future__ import annotations

import json
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from uploads.management.commands import setup_bucket as command
from uploads.s3.bucket import Bucket
from uploads.s3.bucket_config import (
    facts_of_settings,
    origins_of_settings,
    setup_bucket,
)
from uploads.s3.setting_up import Outcome, Result

if TYPE_CHECKING:
    from pytest_django import Settings

SITE = "https://files.example.org"


@pytest.fixture(autouse=True)
def site(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CSRF_TRUSTED_ORIGINS = [SITE]
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")


@pytest.fixture
def setup(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """Provide a bucket in moto, and the setup identity in boto3's default chain."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "setup")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "setup-secret")
    return bucket


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("setup_bucket", *arguments, stdout=out)
    return out.getvalue()


def test_setup_bucket_without_apply_changes_nothing(setup: Bucket) -> None:
    text = run()

    assert f"+ CORSRules[slipway-browser].AllowedOrigins: {SITE}" in text
    assert "Nothing was changed. To make these changes, run the command again" in text
    with pytest.raises(setup.client.exceptions.ClientError):
        setup.client.get_bucket_cors(Bucket=setup.name)


def test_json_output_has_one_entry_for_each_setting(setup: Bucket) -> None:
    found = json.loads(run("--json"))

    assert found["bucket"] == "slipway"
    assert found["changed"] is False
    [cors] = [r for r in found["results"] if r["name"] == "cors"]
    assert cors["outcome"] == "planned"
    assert {"path", "before", "after"} == set(cors["changes"][0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--origin", "https://*"], "--origin: .*Name each origin"),
        (["--origin", "files.example.org"], "--origin: .*the scheme and the host"),
        (["--profile", "nobody"], "no AWS profile 'nobody'"),
        (["--source-ip", "10.0.0.0/8"], "need --principal"),
    ],
)
def test_invalid_options_are_named(
    bucket: Bucket, arguments: list[str], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        run(*arguments)


def test_missing_setup_credentials_are_explained() -> None:
    with pytest.raises(
        CommandError, match="finds no credentials of the setup identity"
    ):
        run()


def test_network_options_need_a_separate_signer(
    setup: Bucket, settings: Settings
) -> None:
    settings.STORAGES = {
        name: each for name, each in settings.STORAGES.items() if "signer" not in name
    }

    with pytest.raises(CommandError, match="browsers upload as the worker identity"):
        run("--source-ip", "10.0.0.0/8", "--principal", "arn:aws:iam::1:user/w")


def test_missing_origin_is_explained(setup: Bucket, settings: Settings) -> None:
    settings.CSRF_TRUSTED_ORIGINS, settings.ALLOWED_HOSTS = [], ["*"]

    with pytest.raises(CommandError, match="set CSRF_TRUSTED_ORIGINS"):
        run()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("endpoint_url", "not a url", "S3_ENDPOINT_URL 'not a url'"),
        ("region_name", "no such/region", "S3_REGION 'no such/region'"),
    ],
)
def test_invalid_origin_is_named_with_its_value(
    setup: Bucket, settings: Settings, name: str, value: str, message: str
) -> None:
    broken = dict(settings.STORAGES["uploads"])
    broken["OPTIONS"] = {**broken["OPTIONS"], name: value}
    settings.STORAGES = {**settings.STORAGES, "uploads": broken}

    with pytest.raises(CommandError, match=message):
        run()


def test_failed_setting_exits_with_1(
    setup: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> list[Any]:
        return [Result("cors", "CORS", Outcome.FAILED, "why", "fix it")]

    monkeypatch.setattr(command, "set_up_site", fails)
    out = StringIO()

    with pytest.raises(SystemExit) as end:
        call_command("setup_bucket", stdout=out)

    assert end.value.code == 1
    assert "why" in out.getvalue()
    assert "fix it" in out.getvalue()


def test_setup_identity_uses_no_credentials_of_the_site(setup: Bucket) -> None:
    client: Any = setup_bucket().client

    credentials = client._request_signer._credentials
    assert credentials.access_key == "setup"


@pytest.mark.parametrize(
    ("trusted", "hosts", "origins"),
    [
        ([SITE], ["other.example.org"], [SITE]),
        ([], ["files.example.org", "files.example.org"], [SITE]),
        ([], ["*", ".example.org", "10.0.0.5", "[::1]", "localhost"], []),
        ([SITE, SITE], [], [SITE]),
    ],
)
def test_default_origins_come_from_the_settings(
    settings: Settings, trusted: list[str], hosts: list[str], origins: list[str]
) -> None:
    settings.CSRF_TRUSTED_ORIGINS, settings.ALLOWED_HOSTS = trusted, hosts

    assert origins_of_settings() == origins


def test_facts_for_the_setup_come_from_the_settings(settings: Settings) -> None:
    settings.UPLOADS = {**settings.UPLOADS, "KEY_PREFIX": "files/"}
    settings.S3_REGION = "cn-north-1"

    facts = facts_of_settings()

    assert facts.incoming_prefix == "files/incoming/"
    assert facts.bucket_arn.startswith("arn:aws-cn:")
