"""The site's background jobs as Lambda functions, in the same package as the site."""

from __future__ import annotations

import os
from typing import Any

import django
import structlog
from django.db import close_old_connections

from config.serverless.secrets import load_secrets

load_secrets()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from uploads.s3.queue import Message  # noqa: E402
from uploads.upkeep.intake import process  # noqa: E402
from uploads.upkeep.sweeper import sweep as sweep_once  # noqa: E402

logger = structlog.get_logger("slipway.serverless")


def sweep(event: Any, context: Any) -> dict[str, Any]:
    """Make one sweep. EventBridge calls this function on a schedule."""
    try:
        return sweep_once(dry_run=False).as_dict()
    finally:
        close_old_connections()


def notifications(event: Any, context: Any) -> dict[str, Any]:
    """Process the messages of one SQS event, and return the ids of the failed messages.

    SQS delivers failed messages again, and deletes all others. If S3 or the database
    does not answer, this function raises an exception, and SQS delivers all messages
    again. Raises ValueError for an event that is not from SQS.
    """
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list):
        raise ValueError(
            "The event is not an SQS event, because its field Records is not a list."
        )
    failed = []
    try:
        for record in records:
            message = _message_of(record)
            if process(message).failed:
                failed.append({"itemIdentifier": record["messageId"]})
    finally:
        close_old_connections()
    return {"batchItemFailures": failed}


def _message_of(record: Any) -> Message:
    try:
        count = int(record["attributes"]["ApproximateReceiveCount"])
        return Message(record["body"], record["receiptHandle"], count)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"The event contains a record that is not an SQS record: {error!r}."
        ) from error
