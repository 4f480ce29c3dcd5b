"""Hand the files of one user over to another."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from uploads.errors import QuotaExceeded
from uploads.upkeep.handover import hand_over, survey


class Command(BaseCommand):
    help = (
        "Make another user the owner of all stored files of a user. Unfinished uploads "
        "stay. Exit status: 1 if the files do not fit into the quota of the new owner, "
        "2 if there is no such user."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", help="username of the owner")
        parser.add_argument("target", help="username of the new owner")
        parser.add_argument(
            "--dry-run", action="store_true", help="count, but change nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        source, target = (self._user(options[name]) for name in ("source", "target"))
        if source == target:
            raise CommandError("Both names are of the same user.", returncode=2)
        try:
            report = survey(source) if options["dry_run"] else hand_over(source, target)
        except QuotaExceeded as error:
            raise CommandError(error.detail) from error
        self.stdout.write(json.dumps(report.as_dict()))

    def _user(self, name: str) -> Any:
        users = get_user_model()
        user = users.objects.filter(**{users.USERNAME_FIELD: name}).first()
        if user is None:
            raise CommandError(f"There is no user {name!r}.", returncode=2)
        return user
