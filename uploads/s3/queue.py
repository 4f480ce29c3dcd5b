"""Reads the SQS queue to which S3 sends its notifications."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.config import Config
from django.conf import settings
from django.core.files.storage import storages

from uploads.s3.failures import translated
from uploads.s3.identities import session_of

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

LONG_POLL_SECONDS = 20
"""Number of seconds that one request waits for a message. SQS allows at most 20.

With a shorter wait, the site would send more requests, which cost money.
"""


@dataclass(frozen=True)
class Message:
    """Contains one message. ``receive_count`` is 1 for its first delivery."""

    body: str
    receipt: str
    receive_count: int


class Queue:
    """Accesses one SQS queue. Every method raises StorageUnavailable if SQS fails."""

    def __init__(self, *, url: str, client: SQSClient | None = None) -> None:
        self.url = url
        self.client = client or _new_client()

    def receive(self, *, wait_seconds: int = LONG_POLL_SECONDS) -> Iterator[Message]:
        """Wait up to ``wait_seconds`` for a message, and yield up to 10 messages."""
        with translated("ReceiveMessage"):
            answer = self.client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=wait_seconds,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        for message in answer.get("Messages", []):
            count = message.get("Attributes", {}).get("ApproximateReceiveCount", "1")
            yield Message(message["Body"], message["ReceiptHandle"], int(count))

    def delete(self, message: Message) -> None:
        """Delete a processed message from the queue."""
        with translated("DeleteMessage"):
            self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message.receipt)


def _new_client() -> SQSClient:
    """Return an SQS client for the bucket's region.

    It has the credentials of the worker, the identity that makes the calls of the
    site. S3 sends notifications only to queues in the bucket's region.
    """
    return session_of(storages["uploads"]).client(
        "sqs",
        region_name=settings.S3_REGION,
        # SQS may wait LONG_POLL_SECONDS before it answers, so the timeout is longer.
        config=Config(connect_timeout=5, read_timeout=LONG_POLL_SECONDS + 10),
    )
