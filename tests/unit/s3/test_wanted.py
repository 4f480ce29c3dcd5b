from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from uploads.conf import Options
from uploads.s3.credentials import Credentials
from uploads.s3.presigner import Presigner
from uploads.s3.wanted import documents, policy
from uploads.s3.wanted.merging import differences, put_rule, same
from uploads.s3.wanted.site_facts import (
    Network,
    SiteFacts,
    abort_after_days,
    site_facts,
)
from uploads.s3.wanted.steps import Step, steps

SITE = "https://files.example.org"
FACTS = SiteFacts(bucket="my-bucket", origins=(SITE,))
WORKER = "arn:aws:iam::123456789012:user/worker"


def step(name: str, facts: SiteFacts = FACTS, *, is_versioned: bool = False) -> Step:
    found = {s.name: s for s in steps(facts, is_versioned=is_versioned)}
    return found[name]


def test_cors_allows_exactly_the_headers_that_upload_urls_sign() -> None:
    presigner = Presigner(
        bucket_name="my-bucket",
        region="eu-west-1",
        endpoint_url="https://s3.eu-west-1.amazonaws.com",
        addressing_style="virtual",
        credentials=lambda: Credentials("key", "secret"),
    )
    put = presigner.put_object(
        key="a",
        byte_size=1,
        content_type="text/plain",
        checksum_sha256="x",
        expires_in=60,
    )
    part = presigner.upload_part(
        key="a",
        multipart_id="m",
        part_number=1,
        byte_size=1,
        checksum_sha256="x",
        expires_in=60,
    )
    other = presigner.put_object(
        key="a",
        byte_size=1,
        content_type="text/plain",
        checksum_crc64nvme="x",
        expires_in=60,
    )
    in_sha256 = {name.lower() for name in {**put.headers, **part.headers}}
    sent = in_sha256 | {name.lower() for name in other.headers}

    assert documents.cors_rule(FACTS) == {
        "ID": "slipway-browser",
        "AllowedOrigins": [SITE],
        "AllowedMethods": ["PUT", "POST", "GET", "HEAD"],
        "AllowedHeaders": list(documents.CORS_HEADERS),
        "MaxAgeSeconds": 3600,
    }
    assert set(documents.CORS_HEADERS) == sent
    assert set(documents.headers_sent("sha256")) == in_sha256
    assert set(documents.headers_sent("crc64nvme")) == sent


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        ("*", "Name each origin"),
        ("https://*.example.org", "Name each origin"),
        ("https://files.example.org/", "without a path, a final slash"),
        ("https://files.example.org/upload", "without a path"),
        ("files.example.org", "Write the scheme and the host"),
        ("localhost:8000", "Write the scheme and the host"),
        ("https://", "Write the scheme and the host"),
        ("https://me@files.example.org", "a user name"),
    ],
)
def test_value_that_is_no_origin_is_refused(origin: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SiteFacts(bucket="b", origins=(SITE, origin))


def test_lifecycle_rule_keeps_parts_longer_than_an_upload_may_take() -> None:
    day = 24 * 3600

    assert abort_after_days(Options()) == 9
    assert abort_after_days(Options(lifetime_seconds=900, extension_seconds=0)) == 2
    longest = Options(lifetime_seconds=30 * day + 1, extension_seconds=0)
    assert abort_after_days(longest) == 32


def test_lifecycle_rules_follow_the_prefixes_of_the_site() -> None:
    options = Options(key_prefix="files/", quarantine_prefix="held/")
    facts = site_facts(options, bucket="b", origins=[SITE])
    found = [s for s in steps(facts, is_versioned=True) if s.document == "lifecycle"]

    document: dict[str, Any] | None = None
    for each in found:
        document = each.merge(document)

    rules = {rule["ID"]: rule for rule in (document or {})["Rules"]}
    assert {name: rule["Filter"]["Prefix"] for name, rule in rules.items()} == {
        "slipway-abort-incomplete": "files/",
        "slipway-incoming": "files/incoming/",
        "slipway-doctor": "files/doctor/",
        "slipway-quarantine": "held/",
        "slipway-noncurrent": "files/",
    }


def test_rules_for_versions_and_quarantine_depend_on_the_bucket() -> None:
    names = {s.name for s in steps(FACTS)}

    assert "lifecycle.noncurrent" not in names
    assert "lifecycle.quarantine" not in names


@pytest.mark.parametrize(
    "name",
    [
        "cors",
        "encryption",
        "sse_c",
        "lifecycle.abort",
        "lifecycle.doctor",
        "policy.age",
    ],
)
def test_second_merge_changes_nothing(name: str) -> None:
    once = step(name).merge(None)

    assert step(name).merge(once) == once


def test_lifecycle_rules_of_other_programs_are_kept_in_their_order() -> None:
    logs = {"ID": "logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}}
    stale = documents.abort_rule(replace(FACTS, abort_after_days=3))

    merged = step("lifecycle.abort").merge(
        {"Rules": [stale, logs], "TransitionDefaultMinimumObjectSize": "varies"}
    )

    assert merged["Rules"] == [documents.abort_rule(FACTS), logs]
    assert merged["TransitionDefaultMinimumObjectSize"] == "varies"


def test_statements_of_other_programs_and_a_single_statement_are_kept() -> None:
    other = {"Sid": "Audit", "Effect": "Allow"}

    merged = step("policy.age").merge({"Version": "2008-10-17", "Statement": other})

    assert merged["Version"] == "2008-10-17"
    assert merged["Statement"] == [other, policy.short_urls_only(FACTS)]


def test_new_origin_replaces_the_old_one_if_the_server_drops_rule_ids() -> None:
    old = documents.cors_rule(replace(FACTS, origins=("https://old.example.org",)))
    del old["ID"]
    other = {"AllowedOrigins": ["https://cdn.example.org"], "AllowedMethods": ["GET"]}

    merged = step("cors").merge({"CORSRules": [other, old]})

    assert merged["CORSRules"] == [other, documents.cors_rule(FACTS)]


def test_existing_kms_key_is_kept_unless_another_key_is_given() -> None:
    key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "arn:aws:kms:eu:1:key/a"}
    found = {"Rules": [{"ApplyServerSideEncryptionByDefault": key}]}
    other = replace(FACTS, kms_key="arn:aws:kms:eu:1:key/b")

    assert step("encryption").merge(found) == found
    assert step("encryption", replace(FACTS, kms_key="a")).merge(found) == found
    [rule] = step("encryption", other).merge(found)["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"].endswith("/b")


def test_blocking_sse_c_keeps_the_default_encryption() -> None:
    [rule] = step("sse_c").merge(step("encryption").merge(None))["Rules"]

    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert rule["BlockedEncryptionTypes"] == {"EncryptionType": ["SSE-C"]}


@pytest.mark.parametrize(
    ("endpoints", "is_left_out", "is_risk"),
    [
        (("",), False, False),
        (("https://s3.example.org",), False, False),
        (("http://127.0.0.1:8333",), True, False),
        (("http://localhost:8333",), True, False),
        (("http://s3.example.org",), True, True),
        (("http://minio:9000", "https://s3.example.org"), True, True),
    ],
)
def test_policy_against_plain_http_is_left_out_if_an_endpoint_uses_http(
    endpoints: tuple[str, ...], is_left_out: bool, is_risk: bool
) -> None:
    found = step("policy.tls", replace(FACTS, endpoint_urls=endpoints))

    assert bool(found.left_out) == is_left_out
    assert found.is_risk == is_risk


def test_each_policy_statement_has_a_trial_for_probe_objects_only() -> None:
    facts = replace(
        FACTS,
        organisation="o-1",
        network=Network(("203.0.113.0/24",), ("vpce-1",), (WORKER,)),
    )
    found = [s for s in steps(facts) if s.document == "policy"]

    assert len(found) == 6
    for each in found:
        assert each.trial is not None
        [tried] = each.trial(None)["Statement"]
        assert tried["Resource"] == "arn:aws:s3:::my-bucket/uploads/doctor/*"
        assert tried["Action"] == ["s3:GetObject", "s3:PutObject"]
        assert "NotAction" not in tried
        [final] = each.merge(None)["Statement"]
        assert tried["Condition"] == final["Condition"]


def test_network_limits_apply_only_to_the_worker_and_setup() -> None:
    facts = replace(FACTS, network=Network(("203.0.113.0/24",), ("vpce-1",), (WORKER,)))

    general = policy.network_only(facts)
    reads = policy.network_reads_only(facts)

    for statement in (general, reads):
        condition = statement["Condition"]
        assert condition["ArnLike"] == {"aws:PrincipalArn": [WORKER]}
        assert condition["NotIpAddress"] == {"aws:SourceIp": ["203.0.113.0/24"]}
    # Browsers in any network use download URLs, which the worker has signed.
    assert reads["Condition"]["StringNotEquals"] == {
        "aws:SourceVpce": ["vpce-1"],
        "s3:authType": "REST-QUERY-STRING",
    }
    assert set(general["NotAction"]) == {*policy.READS, *policy.WAY_BACK}
    assert "Action" not in general


def test_no_statement_prevents_setup_from_restoring_the_policy() -> None:
    facts = replace(FACTS, network=Network(("203.0.113.0/24",), (), (WORKER,)))

    for each in (s for s in steps(facts) if s.name.startswith("policy.network")):
        [statement] = each.merge(None)["Statement"]
        excepted = set(statement.get("NotAction", ()))
        is_about_objects = statement["Resource"] == facts.objects_arn()
        assert is_about_objects or excepted >= set(policy.WAY_BACK)


def test_documents_with_the_same_meaning_count_as_equal() -> None:
    assert same(
        {"Filter": {"Prefix": "a"}, "Status": "On"}, {"Prefix": "a", "Status": "On"}
    )
    assert same({"AllowedHeaders": ["B", "a"]}, {"AllowedHeaders": ["a", "b"]})
    assert same({"Action": "s3:*"}, {"Action": ["s3:*"]})
    assert same({"Principal": "*"}, {"Principal": {"AWS": "*"}})
    assert same({"a": 1, "BucketKeyEnabled": False}, {"a": 1, "b": []})
    assert not same({"Statement": [1, 2]}, {"Statement": [2, 1]})


def test_differences_name_each_value_that_changes() -> None:
    found = {"Rules": [{"ID": "a", "Days": 3}, {"ID": "b", "Days": 1}]}
    wanted = {"Rules": [{"ID": "a", "Days": 4}, {"ID": "c", "Events": ["x", "y"]}]}

    changes = {c.path: (c.before, c.after) for c in differences(found, wanted)}

    assert changes == {
        "Rules[a].Days": ("3", "4"),
        "Rules[b].Days": ("1", ""),
        "Rules[b].ID": ("b", ""),
        "Rules[c].Events": ("", "x, y"),
        "Rules[c].ID": ("", "c"),
    }


def test_duplicate_rules_of_the_site_are_merged() -> None:
    merged = put_rule(
        [{"ID": "a"}, {"ID": "x"}, {"ID": "a"}],
        {"ID": "a", "n": 1},
        is_ours=lambda rule: bool(rule["ID"] == "a"),
    )

    assert merged == [{"ID": "a", "n": 1}, {"ID": "x"}]


@pytest.mark.parametrize(
    ("region", "arn"),
    [
        ("eu-west-1", "arn:aws:s3:::b"),
        ("cn-north-1", "arn:aws-cn:s3:::b"),
        ("us-gov-west-1", "arn:aws-us-gov:s3:::b"),
    ],
)
def test_arns_have_the_partition_of_the_region(region: str, arn: str) -> None:
    facts = site_facts(Options(), bucket="b", origins=[], region=region)

    assert facts.bucket_arn == arn
    assert arn in json.dumps(policy.tls_only(facts))
