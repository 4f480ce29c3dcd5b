"""Delete old events from the audit trail."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from uploads.trail.retention import prune

MIN_DAYS = 30


class Command(BaseCommand):
    help = (
        "Delete events that are older than --older-than days. Without --all, the "
        "command keeps the events of uploads that may have an object in the bucket. "
        "The audit trail records each batch of deletions."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", type=int, required=True, metavar="DAYS")
        parser.add_argument(
            "--all",
            action="store_true",
            help="also delete events of uploads that may have an object in the bucket",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="only count, and delete nothing"
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help=f"allow --older-than below {MIN_DAYS}",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        days = options["older_than"]
        if days < 0 or (days < MIN_DAYS and not options["force"]):
            raise CommandError(
                f"--older-than must be at least {MIN_DAYS} days, because deleted "
                "events cannot be restored. With --force, it may be 0 or more."
            )
        before = timezone.now() - timedelta(days=days)
        count = prune(
            before=before, of_live_uploads=options["all"], dry_run=options["dry_run"]
        )
        verb = "would be deleted" if options["dry_run"] else "deleted"
        self.stdout.write(f"{count} events from before {before:%Y-%m-%d %H:%M} {verb}")
