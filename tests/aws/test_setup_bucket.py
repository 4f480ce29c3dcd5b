"""setup_bucket on an emulator of AWS, for settings that SeaweedFS does not have."""

from __future__ import annotations

import json
from contextlib import nullcontext
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from tests.aws.conftest import SITE, Aws
from tests.bucket.stores import form, send_raw
from tests.plugins.calls import with_feature
from tests.support.builders import MIB, begin, checksum
from tests.support.plain_forms import REDIRECT, begin_form
from uploads import lifecycle
from uploads.doctor.examination import Examination
from uploads.doctor.families import examine
from uploads.lifecycle import WantedPart
from uploads.models import Upload
from uploads.s3.probe import perform
from uploads.s3.signed import SignedRequest
from uploads.states import State

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)

KMS_KEY = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555"
WRITES = ("Put", "Delete", "Create", "Set")


def run(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("setup_bucket", "--json", *arguments, stdout=out)
    return {each["name"]: each for each in json.loads(out.getvalue())["results"]}


def outcomes(found: dict[str, Any]) -> dict[str, str]:
    return {name: each["outcome"] for name, each in found.items()}


@pytest.fixture
def bucket_calls(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the names of all calls that boto3 makes from now on."""
    from botocore.client import BaseClient

    calls: list[str] = []
    call = BaseClient._make_api_call  # type: ignore[attr-defined]

    def note(client: BaseClient, operation: str, arguments: Any) -> Any:
        calls.append(operation)
        return call(client, operation, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", note)
    return calls


def test_setup_applies_every_wanted_setting(aws: Aws) -> None:
    found = run("--apply")

    client, name = aws.bucket.client, aws.bucket.name
    assert "failed" not in outcomes(found).values()
    # The setup does not change settings that AWS gives to each new bucket.
    assert outcomes(found)["public_access"] == "same"
    flags = client.get_public_access_block(Bucket=name)
    assert set(flags["PublicAccessBlockConfiguration"].values()) == {True}
    owner = client.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]
    assert owner["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    encryption: Any = client.get_bucket_encryption(Bucket=name)
    [rule] = encryption["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert rule["BlockedEncryptionTypes"] == {"EncryptionType": ["SSE-C"]}
    policy = json.loads(client.get_bucket_policy(Bucket=name)["Policy"])
    assert [statement["Sid"] for statement in policy["Statement"]] == [
        "SlipwaySigV4Only",
        "SlipwayShortUrlsOnly",
    ]
    [cors] = client.get_bucket_cors(Bucket=name)["CORSRules"]
    assert cors["AllowedOrigins"] == [SITE]
    received = client.get_bucket_notification_configuration(Bucket=name)
    [queue] = received["QueueConfigurations"]
    assert (queue["QueueArn"], queue["Events"]) == (
        aws.queue_arn,
        ["s3:ObjectCreated:*"],
    )
    attributes = aws.sqs.get_queue_attributes(
        QueueUrl=aws.queue_url, AttributeNames=["Policy"]
    )
    [statement] = json.loads(attributes["Attributes"]["Policy"])["Statement"]
    assert statement["Sid"] == "SlipwayBucketSends"
    assert statement["Condition"]["ArnEquals"] == {
        "aws:SourceArn": f"arn:aws:s3:::{name}"
    }


def test_second_run_changes_no_setting(aws: Aws, bucket_calls: list[str]) -> None:
    run("--apply")
    bucket_calls.clear()

    found = run("--apply")

    assert set(outcomes(found).values()) == {"same", "skipped"}
    assert outcomes(found)["policy.tls"] == "skipped"
    written = {call for call in bucket_calls if call.startswith(WRITES)}
    assert written <= {"DeleteObject"}  # the requests for the probe object


def test_loosened_settings_are_restored(aws: Aws) -> None:
    client, name = aws.bucket.client, aws.bucket.name
    client.put_public_access_block(
        Bucket=name, PublicAccessBlockConfiguration={"BlockPublicAcls": False}
    )
    client.put_bucket_ownership_controls(
        Bucket=name,
        OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]},
    )

    found = run("--apply")

    assert outcomes(found)["public_access"] == "changed"
    assert outcomes(found)["ownership"] == "changed"
    assert set(outcomes(run()).values()) == {"same", "skipped"}


def test_foreign_queue_and_policy_statements_are_kept(aws: Aws) -> None:
    client, name = aws.bucket.client, aws.bucket.name
    other_url = aws.sqs.create_queue(QueueName=f"{name}-other")["QueueUrl"]
    attributes = aws.sqs.get_queue_attributes(
        QueueUrl=other_url, AttributeNames=["QueueArn"]
    )
    anybody = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": attributes["Attributes"]["QueueArn"],
    }
    aws.sqs.set_queue_attributes(
        QueueUrl=other_url,
        Attributes={
            "Policy": json.dumps({"Version": "2012-10-17", "Statement": [anybody]})
        },
    )
    theirs: Any = {
        "Id": "theirs",
        "QueueArn": attributes["Attributes"]["QueueArn"],
        "Events": ["s3:ObjectRemoved:*"],
    }
    client.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"QueueConfigurations": [theirs]}
    )
    statement = {
        "Sid": "Theirs",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutBucketWebsite",
        "Resource": f"arn:aws:s3:::{name}",
    }
    client.put_bucket_policy(
        Bucket=name,
        Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )

    run("--apply")

    policy = json.loads(client.get_bucket_policy(Bucket=name)["Policy"])
    received = client.get_bucket_notification_configuration(Bucket=name)
    assert next(s["Sid"] for s in policy["Statement"]) == "Theirs"
    assert [q["Id"] for q in received["QueueConfigurations"]] == [
        "theirs",
        "slipway-created",
    ]


def test_kms_key_becomes_the_default_of_the_bucket(aws: Aws) -> None:
    run("--apply", "--kms-key", KMS_KEY)

    found: Any = aws.bucket.client.get_bucket_encryption(Bucket=aws.bucket.name)
    [rule] = found["ServerSideEncryptionConfiguration"]["Rules"]
    default = rule["ApplyServerSideEncryptionByDefault"]
    assert (default["SSEAlgorithm"], default["KMSMasterKeyID"]) == ("aws:kms", KMS_KEY)
    assert rule["BlockedEncryptionTypes"] == {"EncryptionType": ["SSE-C"]}


@pytest.mark.parametrize("key", ["", KMS_KEY], ids=["sse-s3", "kms"])
def test_site_works_on_the_bucket_after_setup(
    aws: Aws, django_user_model: Any, key: str
) -> None:
    run("--apply", "--kms-key", key)
    owner = django_user_model.objects.create_user("alice")

    with with_feature("kms") if key else nullcontext():
        small, large, form = sent(owner), sent_in_parts(owner), sent_by_form(owner)
        for upload in (small, large, form):
            lifecycle.advance(upload)
        answer = perform(lifecycle.presign_download(small))
        list(examine(Examination(), only=["credentials"]))

    states = Upload.objects.values_list("state", flat=True)
    assert list(states) == [State.READY] * 3
    assert (answer.status, answer.body) == (200, b"hello")


def test_versioned_bucket_serves_the_inspected_version(
    aws: Aws, django_user_model: Any
) -> None:
    aws.bucket.client.put_bucket_versioning(
        Bucket=aws.bucket.name, VersioningConfiguration={"Status": "Enabled"}
    )
    found = run("--apply")
    upload = sent(django_user_model.objects.create_user("alice"))
    lifecycle.advance(upload)

    request = lifecycle.presign_download(upload)
    answer = perform(request)

    assert outcomes(found)["lifecycle.noncurrent"] == "changed"
    assert "versionId=" in request.url
    assert (answer.status, answer.body) == (200, b"hello")


def sent(owner: Any) -> Upload:
    upload = begin(owner)
    request = lifecycle.presign(upload)
    assert isinstance(request, SignedRequest)
    assert perform(request, b"hello").status == 200
    return upload


def sent_in_parts(owner: Any) -> Upload:
    content = bytes(16 * MIB) + b"end"
    upload = begin(owner, content, transport="multipart", checksum_sha256="")
    pieces = {
        number: content[start : start + upload.part_size]
        for number, start in enumerate(range(0, len(content), upload.part_size), 1)
    }
    wanted = [WantedPart(number, checksum(piece)) for number, piece in pieces.items()]
    requests = lifecycle.presign_parts(upload, wanted)
    for request, piece in zip(requests, pieces.values(), strict=True):
        assert perform(request, piece).status == 200
    return upload


def sent_by_form(owner: Any) -> Upload:
    upload = begin_form(owner, 5)
    signed = lifecycle.presign_form(upload, redirect_url=REDIRECT)
    assert send_raw(form(signed.url, signed.fields, b"hello")).status == 303
    return upload


def test_notification_completes_an_upload_without_a_client(
    aws: Aws, django_user_model: Any
) -> None:
    run("--apply")
    upload = sent(django_user_model.objects.create_user("alice"))

    call_command("consume_notifications", "--once", stdout=StringIO())

    assert Upload.objects.get(pk=upload.pk).state == State.READY


def test_unreadable_queue_is_named(aws: Aws, settings: Settings) -> None:
    settings.S3_NOTIFICATIONS_QUEUE_URL = f"{aws.queue_url}-missing"

    with pytest.raises(
        CommandError, match=r"-missing', which is set in S3_NOTIFICATIONS_QUEUE_URL"
    ):
        run()
