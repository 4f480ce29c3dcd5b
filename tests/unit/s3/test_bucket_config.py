from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from uploads.errors import StorageUnavailable
from uploads.s3.bucket import Bucket
from uploads.s3.bucket_config import apply, cors_rule, lifecycle_rule

SITE = "https://files.example.org"


def test_pages_of_the_site_may_send_exactly_what_urls_ask_for() -> None:
    assert cors_rule([SITE]) == {
        "ID": "slipway-browser",
        "AllowedOrigins": [SITE],
        "AllowedMethods": ["PUT", "POST", "GET", "HEAD"],
        "AllowedHeaders": [
            "content-type",
            "content-disposition",
            "if-none-match",
            "x-amz-checksum-sha256",
        ],
        "MaxAgeSeconds": 3600,
    }


@pytest.mark.parametrize("origin", ["*", "https://*.example.org"])
def test_no_wildcard_is_let_in(origin: str) -> None:
    with pytest.raises(ValueError, match="name each origin"):
        cors_rule([SITE, origin])


def test_forgotten_parts_are_dropped_after_a_week() -> None:
    assert lifecycle_rule() == {
        "ID": "slipway-abort-incomplete",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 9},
    }


def moto_bucket(region: str = "us-east-1") -> Bucket:
    client = boto3.client(
        "s3",
        region_name=region,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    return Bucket(client=client, name="slipway")


def rules_of(bucket: Bucket) -> tuple[list[Any], list[Any]]:
    cors = bucket.client.get_bucket_cors(Bucket=bucket.name)
    lifecycle = bucket.client.get_bucket_lifecycle_configuration(Bucket=bucket.name)
    return list(cors["CORSRules"]), list(lifecycle["Rules"])


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
@mock_aws
def test_a_missing_bucket_is_made_private_and_set_up(region: str) -> None:
    bucket = moto_bucket(region)

    apply(bucket, origins=[SITE], abort_after_days=3)

    flags = bucket.client.get_public_access_block(Bucket=bucket.name)
    cors, lifecycle = rules_of(bucket)
    assert set(flags["PublicAccessBlockConfiguration"].values()) == {True}
    assert [rule["AllowedOrigins"] for rule in cors] == [[SITE]]
    assert [rule["AbortIncompleteMultipartUpload"] for rule in lifecycle] == [
        {"DaysAfterInitiation": 3}
    ]


@mock_aws
def test_setting_up_again_changes_nothing() -> None:
    bucket = moto_bucket()
    apply(bucket, origins=[SITE])
    before = rules_of(bucket)

    apply(bucket, origins=[SITE])

    assert rules_of(bucket) == before


@mock_aws
def test_a_new_address_of_the_site_replaces_the_old_one() -> None:
    bucket = moto_bucket()
    apply(bucket, origins=["http://127.0.0.1:8000"])

    apply(bucket, origins=["http://127.0.0.1:9000"])

    [rule] = rules_of(bucket)[0]
    assert rule["AllowedOrigins"] == ["http://127.0.0.1:9000"]


@mock_aws
def test_rules_of_others_are_kept() -> None:
    bucket = moto_bucket()
    bucket.client.create_bucket(Bucket=bucket.name)
    bucket.client.put_bucket_lifecycle_configuration(
        Bucket=bucket.name,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "old-logs",
                    "Status": "Enabled",
                    "Filter": {"Prefix": "logs/"},
                    "Expiration": {"Days": 30},
                }
            ]
        },
    )

    apply(bucket, origins=[SITE])

    names = [rule["ID"] for rule in rules_of(bucket)[1]]
    assert names == ["old-logs", "slipway-abort-incomplete"]


@mock_aws
def test_a_bucket_of_somebody_else_is_left_alone() -> None:
    bucket = moto_bucket()

    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": "403"}}, "HeadBucket")

    bucket.client.meta.events.register("before-call.s3.HeadBucket", refuse)

    with pytest.raises(StorageUnavailable):
        apply(bucket, origins=[SITE])
