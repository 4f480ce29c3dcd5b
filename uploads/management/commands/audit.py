"""Compare the objects of the bucket with the uploads in the database."""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count

from uploads.errors import StorageError
from uploads.models import Upload
from uploads.upkeep.auditing import (
    NO_OBJECT,
    Difference,
    Progress,
    audit,
    delete_missing,
    remember_audit,
)

BAR_WIDTH = 30
SHOW_EVERY_SECONDS = 0.2


class Command(BaseCommand):
    help = (
        "Compare the objects of the bucket, the uploads in the database, and the "
        "quotas. Print each difference. Exit status: 0 if there are no differences, 1 "
        "if there are differences, 2 if the bucket cannot be read."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--delete-missing",
            action="store_true",
            help="mark files as deleted if the bucket has no object for them; use this "
            "after a restore",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        progress = Progress()
        if self.stderr.isatty():
            progress.show = Bar(self.stderr, total=Upload.objects.count()).show
        kinds: Counter[str] = Counter()
        missing: list[Difference] = []
        started = time.monotonic()
        try:
            for difference in audit(progress):
                kinds[difference.kind] += 1
                if difference.kind == NO_OBJECT:
                    missing.append(difference)
                self.stdout.write(
                    f"{difference.kind}: {difference.subject}: {difference.detail}"
                )
        except StorageError as error:
            raise CommandError(error.detail, returncode=2) from error
        remember_audit(kinds, progress, seconds=time.monotonic() - started)
        found = kinds.total()
        self.stdout.write(
            f"{progress.objects} objects, {progress.rows} rows, {found} differences"
        )
        waiting = Upload.objects.waiting()
        for row in waiting.values("waiting_reason").annotate(count=Count("pk")):
            self.stdout.write(
                f"{row['count']} uploads wait for an inspection: {row['waiting_reason']}"
            )
        if options["delete_missing"] and missing:
            self._delete(missing, progress)
        if found:
            sys.exit(1)

    def _delete(self, missing: list[Difference], progress: Progress) -> None:
        if len(missing) > progress.objects:
            raise CommandError(
                "Nothing was deleted. More objects are missing than the bucket contains, "
                "so S3_BUCKET or S3_KEY_PREFIX may be wrong. Check both settings.",
                returncode=2,
            )
        try:
            deleted = sum(delete_missing(difference) for difference in missing)
        except StorageError as error:
            raise CommandError(error.detail, returncode=2) from error
        self.stdout.write(f"{deleted} missing files were marked as deleted")


class Bar:
    """Draws a progress bar in the terminal, with the share of rows that are checked."""

    def __init__(self, terminal: Any, *, total: int) -> None:
        self.terminal = terminal
        self.total = max(1, total)
        self.shown_at = 0.0

    def show(self, progress: Progress) -> None:
        """Draw the bar, at most once in SHOW_EVERY_SECONDS."""
        now = time.monotonic()
        if now - self.shown_at < SHOW_EVERY_SECONDS and progress.rows < self.total:
            return
        self.shown_at = now
        done = min(1.0, progress.rows / self.total)
        filled = "#" * int(done * BAR_WIDTH)
        line = f"[{filled:<{BAR_WIDTH}}] {done:4.0%}  {progress.objects} objects"
        self.terminal.write(f"\r{line}", ending="\r" if done < 1 else "\n")
