"""Create a bucket and a queue on the emulator for each module."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.plugins.ministack import MiniStack
from uploads.s3.bucket import Bucket
from uploads.s3.bucket_config import setup_bucket

if TYPE_CHECKING:
    from pytest_django import Settings

SITE = "https://files.example.org"


@dataclass(frozen=True)
class Aws:
    """A bucket, and a queue for its notifications."""

    bucket: Bucket
    sqs: Any
    queue_url: str
    queue_arn: str


@pytest.fixture
def aws(ministack: MiniStack, settings: Settings) -> Iterator[Aws]:
    """Create a bucket without settings, which the site uses, and a queue."""
    name = f"slipway-{uuid.uuid4().hex[:8]}"
    sqs: Any = boto3.client("sqs", endpoint_url=ministack.url)
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    facts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    settings.CSRF_TRUSTED_ORIGINS = [SITE]
    settings.S3_BUCKET = name
    settings.S3_NOTIFICATIONS_QUEUE_URL = url
    settings.STORAGES = {
        alias: {**each, "OPTIONS": {**each["OPTIONS"], "bucket_name": name}}
        if alias.startswith("uploads")
        else each
        for alias, each in settings.STORAGES.items()
    }
    bucket = setup_bucket()
    bucket.client.create_bucket(Bucket=name)
    yield Aws(bucket, sqs, url, facts["Attributes"]["QueueArn"])
    sqs.delete_queue(QueueUrl=url)
