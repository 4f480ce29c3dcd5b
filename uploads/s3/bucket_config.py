"""How the bucket is set up: who may send to it from a page, what it forgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from uploads.s3.bucket import Bucket
from uploads.s3.failures import error_code, translated

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import (
        CORSRuleTypeDef,
        LifecycleRuleTypeDef,
        PublicAccessBlockConfigurationTypeDef,
    )

ABORT_AFTER_DAYS = 9
"""Longer than any upload may take, since S3 then drops its parts."""

_CORS_ID = "slipway-browser"
_LIFECYCLE_ID = "slipway-abort-incomplete"
_DEFAULT_REGION = "us-east-1"
_NOT_KNOWN = {"NotImplemented", "MethodNotAllowed", "501", "405"}


def cors_rule(origins: Sequence[str]) -> CORSRuleTypeDef:
    """Return the rule that lets pages of these origins send and fetch, no others.

    Raises ValueError for an origin with a wildcard.
    """
    for origin in origins:
        if "*" in origin:
            raise ValueError(f"{origin} admits pages of strangers: name each origin.")
    return {
        "ID": _CORS_ID,
        "AllowedOrigins": list(origins),
        "AllowedMethods": ["PUT", "POST", "GET", "HEAD"],
        "AllowedHeaders": [
            "content-type",
            "content-disposition",
            "if-none-match",
            "x-amz-checksum-sha256",
        ],
        "MaxAgeSeconds": 3600,
    }


def lifecycle_rule(abort_after_days: int = ABORT_AFTER_DAYS) -> LifecycleRuleTypeDef:
    """Return the rule that drops the parts of uploads which were never completed."""
    return {
        "ID": _LIFECYCLE_ID,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": abort_after_days},
    }


def public_access_block() -> PublicAccessBlockConfigurationTypeDef:
    """Return the four flags that keep a bucket private whatever is asked later."""
    return {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True,
    }


def apply(
    bucket: Bucket, *, origins: Sequence[str], abort_after_days: int = ABORT_AFTER_DAYS
) -> None:
    """Create the bucket if it is missing, and set up what the site relies on.

    Idempotent. Rules that others made are kept; ours are replaced.
    """
    _create(bucket)
    _block_public_access(bucket)
    _set_cors(bucket, cors_rule(origins))
    _set_lifecycle(bucket, lifecycle_rule(abort_after_days))


def _create(bucket: Bucket) -> None:
    client = bucket.client
    region = client.meta.region_name
    place: Any = {}
    if region != _DEFAULT_REGION:
        # The default region is named by naming none.
        place["CreateBucketConfiguration"] = {"LocationConstraint": region}
    with translated("CreateBucket"):
        try:
            client.head_bucket(**bucket.target)
        except ClientError as error:
            if error_code(error) != "404":
                raise
            client.create_bucket(Bucket=bucket.name, **place)


def _block_public_access(bucket: Bucket) -> None:
    with translated("PutPublicAccessBlock"):
        try:
            bucket.client.put_public_access_block(
                **bucket.target, PublicAccessBlockConfiguration=public_access_block()
            )
        except ClientError as error:
            # Servers that have no public buckets do not know the switch either.
            if error_code(error) not in _NOT_KNOWN:
                raise


def _set_cors(bucket: Bucket, rule: CORSRuleTypeDef) -> None:
    with translated("PutBucketCors"):
        others: list[Any] = []
        try:
            found = bucket.client.get_bucket_cors(**bucket.target)
            others = [r for r in found["CORSRules"] if r.get("ID") != rule["ID"]]
        except ClientError as error:
            if error_code(error) != "NoSuchCORSConfiguration":
                raise
        bucket.client.put_bucket_cors(
            **bucket.target, CORSConfiguration={"CORSRules": [*others, rule]}
        )


def _set_lifecycle(bucket: Bucket, rule: LifecycleRuleTypeDef) -> None:
    with translated("PutBucketLifecycleConfiguration"):
        others: list[Any] = []
        try:
            found = bucket.client.get_bucket_lifecycle_configuration(**bucket.target)
            others = [r for r in found["Rules"] if r.get("ID") != rule["ID"]]
        except ClientError as error:
            if error_code(error) != "NoSuchLifecycleConfiguration":
                raise
        bucket.client.put_bucket_lifecycle_configuration(
            **bucket.target, LifecycleConfiguration={"Rules": [*others, rule]}
        )
