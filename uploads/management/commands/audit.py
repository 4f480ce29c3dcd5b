"""Compare all objects of the bucket with all rows of the table."""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count

from uploads.errors import StorageError
from uploads.models import Upload
from uploads.upkeep.auditing import Progress, audit, remember_audit

BAR_WIDTH = 30
SHOW_EVERY_SECONDS = 0.2


class Command(BaseCommand):
    help = (
        "Print every difference between bucket, table and quotas. Exit status: 0 "
        "without differences, 1 with differences, 2 if the bucket cannot be read."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        progress = Progress()
        if self.stderr.isatty():
            progress.show = Bar(self.stderr, total=Upload.objects.count()).show
        kinds: Counter[str] = Counter()
        started = time.monotonic()
        try:
            for difference in audit(progress):
                kinds[difference.kind] += 1
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
            self.stdout.write(f"{row['count']} waiting: {row['waiting_reason']}")
        if found:
            sys.exit(1)


class Bar:
    """A progress bar in the terminal that shows the share of rows checked."""

    def __init__(self, terminal: Any, *, total: int) -> None:
        self.terminal = terminal
        self.total = max(1, total)
        self.shown_at = 0.0

    def show(self, progress: Progress) -> None:
        """Redraw the bar, at most every SHOW_EVERY_SECONDS."""
        now = time.monotonic()
        if now - self.shown_at < SHOW_EVERY_SECONDS and progress.rows < self.total:
            return
        self.shown_at = now
        done = min(1.0, progress.rows / self.total)
        filled = "#" * int(done * BAR_WIDTH)
        line = f"[{filled:<{BAR_WIDTH}}] {done:4.0%}  {progress.objects} objects"
        self.terminal.write(f"\r{line}", ending="\r" if done < 1 else "\n")
