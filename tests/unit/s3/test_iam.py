"""Each identity has exactly the rights for the calls that the test suite makes.

`make test` compares the recorded calls of all its processes with the same table.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.plugins.calls import with_feature
from tests.recorded_calls import differences, granted, snapshot
from uploads.s3.wanted.access import (
    ACTIONS,
    CALLS,
    KMS_ACTIONS,
    Feature,
    Identity,
    features_of,
    iam_policy,
)
from uploads.s3.wanted.documents import Document
from uploads.s3.wanted.site_facts import SiteFacts

FACTS = SiteFacts(
    bucket="b",
    origins=("https://files.example.org",),
    quarantine_prefix="held/",
    queue_arn="arn:aws:sqs:eu-west-1:1:q",
    kms_key="arn:aws:kms:eu-west-1:1:key/k",
)
OBJECTS, HELD, PROBES = (
    f"arn:aws:s3:::b/{p}*" for p in ("uploads/", "held/", "uploads/doctor/")
)


REFERENCE = """
AbortMultipartUpload: objects=s3:AbortMultipartUpload
CompleteMultipartUpload: objects=s3:PutObject
CopyObject: source=s3:GetObject objects=s3:PutObject
CreateBucket: bucket=s3:CreateBucket
CreateMultipartUpload: objects=s3:PutObject
DeleteBucketCors: bucket=s3:PutBucketCORS
DeleteBucketEncryption: bucket=s3:PutEncryptionConfiguration
DeleteBucketLifecycle: bucket=s3:PutLifecycleConfiguration
DeleteBucketOwnershipControls: bucket=s3:PutBucketOwnershipControls
DeleteBucketPolicy: bucket=s3:DeleteBucketPolicy
DeleteMessage: queue=sqs:DeleteMessage
DeleteObject: objects=s3:DeleteObject
DeleteObject?versionId: objects=s3:DeleteObjectVersion
DeletePublicAccessBlock: bucket=s3:PutBucketPublicAccessBlock
GetBucketCors: bucket=s3:GetBucketCORS
GetBucketEncryption: bucket=s3:GetEncryptionConfiguration
GetBucketLifecycleConfiguration: bucket=s3:GetLifecycleConfiguration
GetBucketNotificationConfiguration: bucket=s3:GetBucketNotification
GetBucketOwnershipControls: bucket=s3:GetBucketOwnershipControls
GetBucketPolicy: bucket=s3:GetBucketPolicy
GetBucketVersioning: bucket=s3:GetBucketVersioning
GetObject: objects=s3:GetObject
GetObject?versionId: objects=s3:GetObjectVersion
GetPublicAccessBlock: bucket=s3:GetBucketPublicAccessBlock
GetQueueAttributes: queue=sqs:GetQueueAttributes
HeadBucket: bucket=s3:ListBucket
HeadObject: objects=s3:GetObject
ListMultipartUploads: bucket=s3:ListBucketMultipartUploads
ListObjectVersions: bucket=s3:ListBucketVersions
ListObjectsV2: bucket=s3:ListBucket
ListParts: objects=s3:ListMultipartUploadParts
PostObject: objects=s3:PutObject
PutBucketCors: bucket=s3:PutBucketCORS
PutBucketEncryption: bucket=s3:PutEncryptionConfiguration
PutBucketLifecycleConfiguration: bucket=s3:PutLifecycleConfiguration
PutBucketNotificationConfiguration: bucket=s3:PutBucketNotification
PutBucketOwnershipControls: bucket=s3:PutBucketOwnershipControls
PutBucketPolicy: bucket=s3:PutBucketPolicy
PutObject: objects=s3:PutObject
PutPublicAccessBlock: bucket=s3:PutBucketPublicAccessBlock
ReceiveMessage: queue=sqs:ReceiveMessage
SetQueueAttributes: queue=sqs:SetQueueAttributes
UploadPart: objects=s3:PutObject
"""
"""The actions that AWS requires for each call, from its Service Authorization
Reference. The tests compare the code's table with this one, so no action is added or
removed by mistake."""


def actions(policy: Document) -> dict[str, set[str]]:
    """Return a mapping of each action to its resources."""
    found: dict[str, set[str]] = {}
    for statement in policy["Statement"]:
        for action in statement["Action"]:
            found.setdefault(action, set()).update(statement["Resource"])
    return found


def granted_to(identity: Identity, *features: Feature) -> dict[str, set[str]]:
    return actions(iam_policy(identity, FACTS, features or list(Feature)))


def test_recorded_calls_and_granted_actions_agree() -> None:
    assert differences(snapshot()) == []


@pytest.mark.parametrize("call", sorted(granted()), ids=" ".join)
def test_granted_call_that_was_never_made_is_reported(
    call: tuple[str, str, str],
) -> None:
    [line] = differences(snapshot() - {call})

    assert line == f"{' '.join(call)}: granted, and never called"


def test_call_without_a_grant_is_reported() -> None:
    new = ("worker", "uploads", "PutObjectTagging")

    assert differences(snapshot() | {new}) == [
        "worker uploads PutObjectTagging: called, and no action is granted"
    ]


def test_table_of_calls_and_calls_in_the_code_agree() -> None:
    assert {name for calls in CALLS.values() for name in calls} == set(ACTIONS)
    assert set(KMS_ACTIONS) <= set(ACTIONS)


@pytest.mark.parametrize("line", REFERENCE.split("\n")[1:-1])
def test_each_call_is_granted_exactly_the_actions_that_aws_requires(line: str) -> None:
    call, _, demanded = line.partition(": ")

    assert [
        f"{place.value}={name}" for name, place in ACTIONS[call]
    ] == demanded.split()


def test_reference_of_aws_actions_has_every_call_of_the_site() -> None:
    calls = [line.partition(": ")[0] for line in REFERENCE.split("\n")[1:-1]]

    assert calls == list(ACTIONS)


def test_signer_may_only_put() -> None:
    assert granted_to(Identity.SIGNER, Feature.UPLOADS) == {"s3:PutObject": {OBJECTS}}


def test_worker_has_exactly_the_expected_rights() -> None:
    assert granted_to(Identity.WORKER, Feature.UPLOADS) == {
        "s3:AbortMultipartUpload": {OBJECTS},
        "s3:DeleteObject": {OBJECTS},
        "s3:GetObject": {OBJECTS},
        "s3:ListBucket": {"arn:aws:s3:::b"},
        "s3:ListBucketMultipartUploads": {"arn:aws:s3:::b"},
        "s3:ListBucketVersions": {"arn:aws:s3:::b"},
        "s3:ListMultipartUploadParts": {OBJECTS},
        "s3:PutObject": {OBJECTS},
    }


def test_feature_adds_only_its_own_rights() -> None:
    base = granted_to(Identity.WORKER, Feature.UPLOADS)

    def added(feature: Feature) -> dict[str, set[str]]:
        more = granted_to(Identity.WORKER, Feature.UPLOADS, feature)
        changed = {name: more[name] - base.get(name, set()) for name in more}
        return {name: resources for name, resources in changed.items() if resources}

    assert added(Feature.QUARANTINE) == {
        "s3:DeleteObject": {HELD},
        "s3:GetObject": {HELD},
        "s3:PutObject": {HELD},
    }
    assert added(Feature.VERSIONS) == {
        "s3:DeleteObjectVersion": {OBJECTS},
        "s3:GetObjectVersion": {OBJECTS},
    }
    assert added(Feature.NOTIFICATIONS) == {
        "sqs:DeleteMessage": {FACTS.queue_arn},
        "sqs:ReceiveMessage": {FACTS.queue_arn},
    }
    assert added(Feature.KMS) == {
        "kms:Decrypt": {FACTS.kms_key},
        "kms:GenerateDataKey": {FACTS.kms_key},
    }


def test_setup_has_rights_only_on_settings_and_probe_objects() -> None:
    found = granted_to(Identity.SETUP)

    about_objects = {
        name: resources
        for name, resources in found.items()
        if any(resource.startswith("arn:aws:s3:::b/") for resource in resources)
    }
    assert about_objects == {
        "s3:DeleteObject": {PROBES},
        "s3:PutObject": {PROBES},
    }
    assert not {
        name for name in found if name.startswith("s3:Get") and "Object" in name
    }


def test_features_follow_from_the_facts_of_the_site_and_bucket() -> None:
    plain = replace(FACTS, quarantine_prefix="", queue_arn="", kms_key="")

    assert features_of(plain) == {Feature.UPLOADS}
    assert features_of(FACTS, is_versioned=True) == set(Feature)


def test_recorder_uses_the_feature_that_the_test_declares() -> None:
    from tests.plugins import calls

    before = set(calls._calls)
    with with_feature("kms"):
        calls._note("signer", "PutObject", "uploads/a", {})

    assert ("signer", "kms", "PutObject") in calls._calls
    calls._calls.intersection_update(before)
