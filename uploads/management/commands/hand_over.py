"""Transfer all stored files of one user to another user."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from uploads.errors import QuotaExceeded
from uploads.upkeep.handover import hand_over, survey


class Command(BaseCommand):
    help = (
        "Transfer all stored files of a user to another user. Unfinished uploads keep "
        "their owner. Exit status: 1 if the files exceed the quota of the new owner, 2 "
        "if a user does not exist."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", help="username of the present owner")
        parser.add_argument("target", help="username of the new owner")
        parser.add_argument(
            "--dry-run", action="store_true", help="only count, and change nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        source, target = (self._user(options[name]) for name in ("source", "target"))
        if source == target:
            raise CommandError("Both names belong to the same user.", returncode=2)
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
