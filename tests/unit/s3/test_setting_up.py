"""Test the set-up of a bucket with moto and with simulated errors of servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from uploads.errors import StorageUnavailable
from uploads.s3.bucket import Bucket
from uploads.s3.bucket_config import apply
from uploads.s3.configuration import Configuration
from uploads.s3.setting_up import Outcome, Probe, Result, set_up
from uploads.s3.wanted.site_facts import SiteFacts

SITE = "https://files.example.org"
FACTS = SiteFacts(bucket="slipway", origins=(SITE,))


def probe_succeeds() -> str:
    return ""


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    # moto treats every condition of a policy as true.
    monkeypatch.setattr(Configuration, "use_object", lambda *_: "")
    with mock_aws():
        made = moto_bucket()
        made.client.create_bucket(Bucket="slipway")
        yield made


def moto_bucket(region: str = "us-east-1") -> Bucket:
    client = boto3.client(
        "s3",
        region_name=region,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    return Bucket(client=client, name="slipway")


def results(
    bucket: Bucket,
    probe: Probe = probe_succeeds,
    *,
    facts: SiteFacts = FACTS,
    apply: bool = True,
) -> dict[str, Result]:
    found = set_up(Configuration(bucket), facts, probe, apply=apply)
    return {result.name: result for result in found}


def calls_of(bucket: Bucket) -> list[str]:
    """Return a list to which the name of each later call is added."""
    calls: list[str] = []

    def note(model: Any, **_: object) -> None:
        calls.append(model.name)

    bucket.client.meta.events.register("before-call.s3", note)
    return calls


def answer(bucket: Bucket, operation: str, code: str, status: int = 400) -> None:
    """Make one operation answer with an error."""

    def refuse(**_: object) -> None:
        error = {"Error": {"Code": code, "Message": "no"}}
        metadata = {"ResponseMetadata": {"HTTPStatusCode": status}}
        raise ClientError({**error, **metadata}, operation)  # type: ignore[typeddict-item]

    bucket.client.meta.events.register(f"before-call.s3.{operation}", refuse)


def rules_of(bucket: Bucket) -> tuple[list[Any], list[Any]]:
    cors = bucket.client.get_bucket_cors(Bucket=bucket.name)
    lifecycle = bucket.client.get_bucket_lifecycle_configuration(Bucket=bucket.name)
    return list(cors["CORSRules"]), list(lifecycle["Rules"])


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
@mock_aws
def test_missing_bucket_is_created_private_and_set_up(
    region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Configuration, "use_object", lambda *_: "")
    bucket = moto_bucket(region)

    found = results(bucket)

    flags = bucket.client.get_public_access_block(Bucket=bucket.name)
    cors, lifecycle = rules_of(bucket)
    assert set(flags["PublicAccessBlockConfiguration"].values()) == {True}
    assert [rule["AllowedOrigins"] for rule in cors] == [[SITE]]
    assert [rule["ID"] for rule in lifecycle] == [
        "slipway-abort-incomplete",
        "slipway-incoming",
        "slipway-doctor",
    ]
    text = bucket.client.get_bucket_policy(Bucket=bucket.name)["Policy"]
    assert [statement["Sid"] for statement in json.loads(text)["Statement"]] == [
        "SlipwayTlsOnly",
        "SlipwaySigV4Only",
        "SlipwayShortUrlsOnly",
    ]
    assert found["bucket"].outcome == Outcome.CHANGED
    assert Outcome.FAILED not in {result.outcome for result in found.values()}


def test_no_setting_is_written_without_apply(bucket: Bucket) -> None:
    calls = calls_of(bucket)

    found = results(bucket, apply=False)

    assert {name for name in calls if not name.startswith(("Get", "Head"))} == set()
    assert found["cors"].outcome == Outcome.PLANNED
    assert found["cors"].changes


@mock_aws
def test_missing_bucket_is_not_created_without_apply() -> None:
    found = results(moto_bucket(), apply=False)

    assert [(name, r.outcome) for name, r in found.items()] == [
        ("bucket", Outcome.PLANNED)
    ]


def test_second_run_writes_no_setting(bucket: Bucket) -> None:
    kept = {n for n, r in results(bucket).items() if r.outcome == Outcome.CHANGED}
    calls = calls_of(bucket)

    found = results(bucket)

    assert kept >= {"cors", "lifecycle.abort", "policy.age"}
    assert {found[name].outcome for name in kept} == {Outcome.SAME}
    dropped = {n for n, r in found.items() if r.outcome == Outcome.SKIPPED}
    written = {name for name in calls if name.startswith(("Put", "Delete", "Create"))}
    assert dropped <= {"sse_c"}  # moto does not store this setting
    assert written <= {"PutBucketEncryption"}


def test_rules_of_other_programs_are_kept(bucket: Bucket) -> None:
    logs = {
        "ID": "old-logs",
        "Status": "Enabled",
        "Filter": {"Prefix": "logs/"},
        "Expiration": {"Days": 30},
    }
    bucket.client.put_bucket_lifecycle_configuration(
        Bucket=bucket.name,
        LifecycleConfiguration={"Rules": [logs]},  # type: ignore[list-item]
    )

    results(bucket)

    assert rules_of(bucket)[1][0] == logs
    assert len(rules_of(bucket)[1]) == 4


def test_new_origin_of_the_site_replaces_the_old_one(bucket: Bucket) -> None:
    results(bucket, facts=replace(FACTS, origins=("http://127.0.0.1:8000",)))

    results(bucket, facts=replace(FACTS, origins=("http://127.0.0.1:9000",)))

    [rule] = rules_of(bucket)[0]
    assert rule["AllowedOrigins"] == ["http://127.0.0.1:9000"]


def test_no_setting_is_written_while_the_site_cannot_use_the_bucket(
    bucket: Bucket,
) -> None:
    calls = calls_of(bucket)

    found = results(bucket, lambda: "S3 answered a signed PUT with 403 AccessDenied")

    assert found["probe"].outcome == Outcome.FAILED
    assert "403 AccessDenied" in found["probe"].reason
    assert {name for name in calls if name.startswith(("Put", "Delete"))} == set()


@pytest.mark.parametrize("had_one", [False, True])
def test_setting_that_breaks_the_site_is_reverted(
    bucket: Bucket, had_one: bool
) -> None:
    before = {"BlockPublicAcls": True, "IgnorePublicAcls": False}
    if had_one:
        bucket.client.put_public_access_block(
            Bucket=bucket.name,
            PublicAccessBlockConfiguration=before,  # type: ignore[arg-type]
        )

    def fails_with_the_block() -> str:
        try:
            found = bucket.client.get_public_access_block(Bucket=bucket.name)
        except ClientError:
            return ""
        flags = found["PublicAccessBlockConfiguration"]
        return (
            "S3 answered a signed PUT with 403"
            if flags["RestrictPublicBuckets"]
            else ""
        )

    found = results(bucket, fails_with_the_block)

    assert found["public_access"].outcome == Outcome.SKIPPED
    assert "S3 answered a signed PUT with 403" in found["public_access"].reason
    assert fails_with_the_block() == ""
    assert found["cors"].outcome == Outcome.CHANGED


def test_policy_is_tried_on_probe_objects_before_all_objects(
    bucket: Bucket,
) -> None:
    seen: list[Any] = []

    def refused_by_any_policy() -> str:
        try:
            text = bucket.client.get_bucket_policy(Bucket=bucket.name)["Policy"]
        except ClientError:
            return ""
        seen.extend(json.loads(text)["Statement"])
        return "S3 answered a signed PUT with 403 AccessDenied"

    found = results(bucket, refused_by_any_policy)

    assert found["policy.tls"].outcome == Outcome.SKIPPED
    assert {str(statement["Resource"]) for statement in seen} == {
        "arn:aws:s3:::slipway/uploads/doctor/*"
    }
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        bucket.client.get_bucket_policy(Bucket=bucket.name)


def test_policy_that_refuses_requests_of_the_setup_is_reverted(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["", "PutObject failed with AccessDenied (403)"])
    monkeypatch.setattr(Configuration, "use_object", lambda *_: next(answers, ""))

    found = results(bucket)

    assert found["policy.tls"].outcome == Outcome.SKIPPED
    assert "PutObject failed with AccessDenied" in found["policy.tls"].reason
    text = bucket.client.get_bucket_policy(Bucket=bucket.name)["Policy"]
    assert "SlipwayTlsOnly" not in text


@pytest.mark.parametrize(
    "code", ["NotImplemented", "MethodNotAllowed", "BucketAlreadyExists"]
)
def test_setting_that_the_provider_lacks_is_neither_written_nor_deleted(
    bucket: Bucket, code: str
) -> None:
    answer(bucket, "GetPublicAccessBlock", code)
    calls = calls_of(bucket)

    found = results(bucket)

    assert found["public_access"].outcome == Outcome.SKIPPED
    assert code in found["public_access"].reason
    assert "PutPublicAccessBlock" not in calls
    assert "DeletePublicAccessBlock" not in calls


def test_setting_is_skipped_if_the_answer_of_s3_has_no_document(
    bucket: Bucket,
) -> None:
    """Some servers ignore the query ?publicAccessBlock and return a list of objects."""

    def list_objects(http_response: Any, parsed: dict[str, Any], **_: object) -> None:
        parsed.pop("PublicAccessBlockConfiguration", None)

    bucket.client.put_public_access_block(
        Bucket=bucket.name, PublicAccessBlockConfiguration={"BlockPublicAcls": True}
    )
    bucket.client.meta.events.register(
        "after-call.s3.GetPublicAccessBlock", list_objects
    )
    calls = calls_of(bucket)

    found = results(bucket)

    assert found["public_access"].outcome == Outcome.SKIPPED
    assert "the answer has no document" in found["public_access"].reason
    assert "PutPublicAccessBlock" not in calls


def test_setting_that_cannot_be_written_is_skipped_with_the_answer(
    bucket: Bucket,
) -> None:
    answer(bucket, "PutBucketEncryption", "MalformedXML")

    found = results(bucket)

    assert found["encryption"].outcome == Outcome.SKIPPED
    assert "MalformedXML" in found["encryption"].reason


def test_missing_permission_fails_and_names_the_call(bucket: Bucket) -> None:
    answer(bucket, "PutBucketCORS", "AccessDenied", 403)
    answer(bucket, "PutBucketCors", "AccessDenied", 403)
    answer(bucket, "GetBucketPolicy", "AccessDenied", 403)

    found = results(bucket)

    assert found["cors"].outcome == Outcome.FAILED
    assert "PutBucketCors" in found["cors"].fix
    assert found["policy.age"].outcome == Outcome.FAILED
    assert found["lifecycle.abort"].outcome == Outcome.CHANGED


@mock_aws
def test_bucket_of_another_account_is_not_changed() -> None:
    bucket = moto_bucket()
    answer(bucket, "HeadBucket", "403", 403)

    found = results(bucket)

    assert [r.outcome for r in found.values()] == [Outcome.FAILED]
    with pytest.raises(StorageUnavailable):
        apply(bucket, origins=[SITE], probe=probe_succeeds)


def test_settings_are_read_before_they_are_written(bucket: Bucket) -> None:
    configuration = Configuration(bucket)

    with pytest.raises(RuntimeError, match="must be read"):
        configuration.write("cors", {"CORSRules": []})
    with pytest.raises(RuntimeError, match="must be read"):
        configuration.remove("public_access")


def test_setup_adds_a_rule_that_deletes_old_versions_in_a_versioned_bucket(
    bucket: Bucket,
) -> None:
    bucket.client.put_bucket_versioning(
        Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"}
    )

    assert results(bucket)["lifecycle.noncurrent"].outcome == Outcome.CHANGED


@pytest.mark.parametrize(
    ("name", "getter"),
    [
        ("cors", "get_bucket_cors"),
        ("public_access", "get_public_access_block"),
        ("ownership", "get_bucket_ownership_controls"),
        ("encryption", "get_bucket_encryption"),
        ("lifecycle.abort", "get_bucket_lifecycle_configuration"),
        ("policy.age", "get_bucket_policy"),
    ],
)
def test_setting_that_broke_the_site_is_deleted_if_it_was_absent_before(
    bucket: Bucket, name: str, getter: str
) -> None:
    def fails_with_the_setting() -> str:
        try:
            getattr(bucket.client, getter)(Bucket=bucket.name)
        except ClientError:
            return ""
        return "S3 answered a signed PUT with 500"

    assert fails_with_the_setting() == "", "moto has this setting in each new bucket"

    found = results(bucket, fails_with_the_setting)

    assert found[name].outcome == Outcome.SKIPPED
    assert "500" in found[name].reason
    assert fails_with_the_setting() == ""
