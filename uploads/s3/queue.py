"""The SQS queue that receives S3's notifications."""

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
"""SQS's maximum wait for a message. Shorter waits cost more requests."""


@dataclass(frozen=True)
class Message:
    """One message; ``receive_count`` counts its deliveries, from 1."""

    body: str
    receipt: str
    receive_count: int


class Queue:
    """An SQS queue. Every method raises StorageUnavailable when SQS does not answer."""

    def __init__(self, *, url: str, client: SQSClient | None = None) -> None:
        self.url = url
        self.client = client or _new_client()

    def receive(self, *, wait_seconds: int = LONG_POLL_SECONDS) -> Iterator[Message]:
        """Yield up to 10 messages, waiting for the first one."""
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
    """Return a client with the worker's credentials, in the bucket's region.

    S3 sends notifications only to queues in the bucket's region.
    """
    return session_of(storages["uploads"]).client(
        "sqs",
        region_name=settings.S3_REGION,
        # The answer to a long poll can take as long as the poll itself.
        config=Config(connect_timeout=5, read_timeout=LONG_POLL_SECONDS + 10),
    )
