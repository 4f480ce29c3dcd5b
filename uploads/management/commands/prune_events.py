"""Removes old events from the audit trail."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from uploads.trail.retention import prune

LEAST_DAYS = 30


class Command(BaseCommand):
    help = (
        "Remove events older than --older-than days, in batches, each of which leaves "
        "a line in the trail. Those of uploads that live stay, unless --all."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", type=int, required=True, metavar="DAYS")
        parser.add_argument("--all", action="store_true", help="of live uploads too")
        parser.add_argument("--dry-run", action="store_true", help="only count")
        parser.add_argument(
            "--force", action="store_true", help=f"less than {LEAST_DAYS} days"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        days = options["older_than"]
        if days < 0 or (days < LEAST_DAYS and not options["force"]):
            raise CommandError(
                f"--older-than {days}: at least {LEAST_DAYS} days, since what is removed "
                "cannot be asked any more. With --force, any number from 0 on."
            )
        before = timezone.now() - timedelta(days=days)
        count = prune(
            before=before, of_live_uploads=options["all"], dry_run=options["dry_run"]
        )
        verb = "would be removed" if options["dry_run"] else "removed"
        self.stdout.write(f"{count} events from before {before:%Y-%m-%d %H:%M} {verb}")
