"""Reads and writes the policy of the notification queue with setup's credentials.

Setup is the identity that configures the bucket and the queue.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from django.conf import settings

from uploads.errors import StorageUnavailable
from uploads.s3.failures import translated
from uploads.s3.identities import setup_session

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SetupQueue:
    """Accesses one SQS queue. ``read`` and ``write`` raise botocore's exceptions."""

    def __init__(self, url: str, profile: str = "") -> None:
        self.url = url
        self.profile = profile

    def arn(self) -> str:
        """Return the queue's ARN.

        Raises StorageUnavailable if setup cannot read the queue. The message names the
        setting to correct.
        """
        try:
            with translated("GetQueueAttributes"):
                return self._attribute("QueueArn")
        except StorageUnavailable as error:
            raise StorageUnavailable(
                f"The setup identity cannot read the queue {self.url!r}, which is set "
                "in S3_NOTIFICATIONS_QUEUE_URL. Check this URL. Check that the identity "
                "has the permission sqs:GetQueueAttributes."
            ) from error

    def read(self) -> str:
        """Return the policy, or an empty text if the queue has no policy."""
        return self._attribute("Policy")

    def write(self, document: str) -> None:
        """Replace the policy."""
        self._client.set_queue_attributes(
            QueueUrl=self.url, Attributes={"Policy": document}
        )

    def _attribute(self, name: str) -> str:
        wanted: Any = [name]
        answer: Any = self._client.get_queue_attributes(
            QueueUrl=self.url, AttributeNames=wanted
        )
        return str(answer.get("Attributes", {}).get(name, ""))

    @cached_property
    def _client(self) -> SQSClient:
        return setup_session(self.profile).client(
            "sqs",
            region_name=settings.S3_REGION,
            config=Config(connect_timeout=5, read_timeout=20),
        )
