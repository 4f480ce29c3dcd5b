"""Complete or expire abandoned uploads, and delete unneeded objects."""

from __future__ import annotations

import json
import random
import sys
import time
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import close_old_connections

from uploads.outages import DATABASE_ERRORS
from uploads.upkeep.inspection_lanes import InspectionLanes
from uploads.upkeep.sweeper import sweep

logger = structlog.get_logger("slipway.sweeper")


class Command(BaseCommand):
    help = (
        "Complete or expire abandoned uploads, delete orphaned objects, and correct "
        "quotas. Several sweepers may run at the same time. Exits with 1 if an error "
        "occurred. The next sweep retries the failed work."
    )
    # Skip Django's other checks, because they import all views. The import takes a
    # third of a sweep's time.
    requires_system_checks = ("uploads",)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="change nothing")
        parser.add_argument(
            "--loop", action="store_true", help="repeat until the command is stopped"
        )
        parser.add_argument(
            "--every",
            type=float,
            default=60,
            help="with --loop: seconds between sweeps (default: 60)",
        )
        parser.add_argument(
            "--inspect-every",
            type=float,
            default=2,
            help="with --loop: seconds between searches for uploads that wait for "
            "their inspection (default: 2)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        lanes = None
        if options["loop"] and not options["dry_run"]:
            lanes = InspectionLanes(every=options["inspect_every"])
            lanes.start()
        try:
            self._sweep(options, inspections=lanes is None)
        finally:
            if lanes is not None:
                lanes.stop()

    def _sweep(self, options: dict[str, Any], *, inspections: bool) -> None:
        while True:
            try:
                report = sweep(dry_run=options["dry_run"], inspections=inspections)
                self.stdout.write(json.dumps(report.as_dict()))
            except DATABASE_ERRORS as error:
                # With --loop, the next sweep repeats the failed work.
                if not options["loop"]:
                    raise CommandError(
                        f"The database is unavailable: {error}", returncode=2
                    ) from error
                logger.warning("sweep.paused", error=str(error))
            if not options["loop"]:
                break
            close_old_connections()
            # A random pause spreads the load of sweepers that started together.
            time.sleep(options["every"] * random.uniform(0.8, 1.2))
        if report.failed:
            sys.exit(1)
