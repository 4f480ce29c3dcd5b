"""Erases a person: their files, their account, their name in the trail."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from uploads.upkeep.erasure import erase, survey


class Command(BaseCommand):
    help = (
        "Shut an account, remove its files, then its rows, and take its name out of the "
        "trail. Exits with 0 when nothing is left; with 1 when some of it has to wait "
        "for URLs that still live, or for the storage: run it again then. There is no "
        "way back."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--dry-run", action="store_true", help="only count")

    def handle(self, *args: Any, **options: Any) -> None:
        users = get_user_model()
        name = options["username"]
        user = users.objects.filter(**{users.USERNAME_FIELD: name}).first()
        if user is None:
            raise CommandError(f"There is no user {name!r}.", returncode=2)
        report = survey(user) if options["dry_run"] else erase(user)
        self.stdout.write(json.dumps(report.as_dict()))
        if not report.erased and not options["dry_run"]:
            sys.exit(1)
