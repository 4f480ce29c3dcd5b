"""Erase a user: delete the files, deactivate the account, and remove its name."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from uploads.upkeep.erasure import erase, survey


class Command(BaseCommand):
    help = (
        "Deactivate an account, delete its files and rows, and remove its name from "
        "the audit trail. This cannot be undone. Exit status: 0 if everything is "
        "deleted, 1 if some files cannot be deleted yet, 2 if there is no such user. "
        "After exit status 1, run the command again later. The cause is either that "
        "presigned URLs must expire first, or that the storage did not answer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument(
            "--dry-run", action="store_true", help="only count, and delete nothing"
        )

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
