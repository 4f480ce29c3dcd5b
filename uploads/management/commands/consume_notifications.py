"""Process S3's notifications from an SQS queue."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import close_old_connections

from uploads.errors import StorageUnavailable
from uploads.outages import DATABASE_ERRORS
from uploads.s3.queue import LONG_POLL_SECONDS, Queue
from uploads.upkeep.intake import Intake, take_from

logger = structlog.get_logger("slipway.intake")

PAUSE_SECONDS = 5
SHORT_POLL_SECONDS = 1  # With 0, SQS would search only some of its servers.


class Command(BaseCommand):
    help = (
        "Process the notifications that S3 sends to an SQS queue. The command runs "
        "until you stop it. With --once, the command stops when the queue is empty, and "
        "prints how many messages it has processed. The exit status of --once is 1 if a "
        "message failed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--queue-url", default=settings.S3_NOTIFICATIONS_QUEUE_URL)
        parser.add_argument(
            "--once", action="store_true", help="stop when the queue is empty"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["queue_url"]:
            raise CommandError("Set S3_NOTIFICATIONS_QUEUE_URL or pass --queue-url.")
        queue = Queue(url=options["queue_url"])
        if options["once"]:
            self._empty(queue)
            return
        while True:
            try:
                take_from(queue, wait_seconds=LONG_POLL_SECONDS)
            except (StorageUnavailable, *DATABASE_ERRORS) as error:
                # The failed messages are still in the queue. SQS delivers them again.
                logger.warning("intake.paused", error=str(error))
                time.sleep(PAUSE_SECONDS)
            finally:
                close_old_connections()

    def _empty(self, queue: Queue) -> None:
        total = Intake()
        try:
            while counts := take_from(queue, wait_seconds=SHORT_POLL_SECONDS):
                total.add(counts)
        except StorageUnavailable as error:
            raise CommandError(error.detail) from error
        finally:
            self.stdout.write(json.dumps(vars(total)))
        if total.failed:
            sys.exit(1)
