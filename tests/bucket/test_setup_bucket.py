"""A real server stores the settings of setup_bucket, and still serves the site."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from uploads.dev.s3_server import S3Server
from uploads.s3.bucket import Bucket, get_bucket
from uploads.s3.bucket_config import facts_of_settings, site_probe
from uploads.s3.configuration import Configuration
from uploads.s3.probe import get_request, perform, put_request
from uploads.s3.setting_up import Outcome, Result, set_up
from uploads.s3.wanted.merging import differences
from uploads.s3.wanted.site_facts import SiteFacts
from uploads.s3.wanted.steps import steps

SITE = "https://files.example.org"


@pytest.fixture(scope="module")
def fresh(s3_server: S3Server) -> Iterator[Bucket]:
    """Yield a new bucket without settings."""
    made = Bucket(client=get_bucket().client, name=f"slipway-{uuid.uuid4().hex[:8]}")
    yield made
    made.client.delete_bucket(Bucket=made.name)


def facts_of(bucket: Bucket) -> SiteFacts:
    return replace(facts_of_settings([SITE]), bucket=bucket.name)


def run(bucket: Bucket, *, apply: bool = True) -> dict[str, Result]:
    found = set_up(Configuration(bucket), facts_of(bucket), lambda: "", apply=apply)
    return {result.name: result for result in found}


def test_new_bucket_gets_the_wanted_settings(fresh: Bucket) -> None:
    first = run(fresh)
    again = run(fresh)

    assert first["bucket"].outcome == Outcome.CHANGED
    assert Outcome.FAILED not in {result.outcome for result in first.values()}
    changed = {name for name, r in first.items() if r.outcome == Outcome.CHANGED}
    assert changed >= {"cors", "encryption", "lifecycle.abort", "lifecycle.incoming"}
    assert Outcome.CHANGED not in {result.outcome for result in again.values()}
    assert first["public_access"].outcome == Outcome.SKIPPED
    assert "NotImplemented" in first["public_access"].reason


def test_bucket_has_exactly_the_wanted_settings(fresh: Bucket) -> None:
    run(fresh)
    configuration = Configuration(fresh)

    for step in steps(facts_of(fresh)):
        if step.name in {"cors", "encryption", "policy.age"} or (
            step.document == "lifecycle"
        ):
            found = configuration.read(step.document)
            assert found is not None
            assert differences(found, step.merge(found)) == [], step.name


def test_policy_condition_that_refuses_all_requests_is_removed(
    s3_server: S3Server,
) -> None:
    """On SeaweedFS, no request fulfils a condition on s3:signatureversion."""
    bucket, probe = get_bucket(), site_probe()
    facts = facts_of_settings([SITE])
    found = {r.name: r for r in set_up(Configuration(bucket), facts, probe, apply=True)}

    assert found["policy.sigv4"].outcome == Outcome.SKIPPED
    assert "S3 answered a signed PUT with 403" in found["policy.sigv4"].reason
    assert probe() == ""
    text: Any = bucket.client.get_bucket_policy(Bucket=bucket.name)["Policy"]
    assert "SlipwaySigV4Only" not in [s["Sid"] for s in json.loads(text)["Statement"]]
    probe.clear()
    left = bucket.client.list_objects_v2(
        Bucket=bucket.name, Prefix="uploads/doctor/setup-"
    )
    assert left.get("KeyCount") == 0


def test_probe_distinguishes_a_refusal_from_a_wrong_checksum(
    s3_server: S3Server,
) -> None:
    probe = site_probe()
    key = f"uploads/doctor/{uuid.uuid4().hex}"

    stored = perform(put_request(probe.uploads, key, b"right"), b"right")
    other = perform(put_request(probe.uploads, key + "x", b"right"), b"wrong")
    missing = perform(get_request(probe.downloads, key + "x"))

    assert stored.status == 200
    assert (other.status, other.code) == (400, "BadDigest")
    assert (missing.status, missing.code) == (404, "NoSuchKey")
    get_bucket().delete_object(key)
