"""Create an API token and print its secret once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from uploads.access.tokens import create_token
from uploads.models import Scope


class Command(BaseCommand):
    help = (
        "Create an API token for a user, and print the token. The site cannot show the "
        "token again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="token", help="name of the token")
        parser.add_argument(
            "--scope",
            choices=Scope.values,
            default=Scope.WRITE.value,
            help="read permits listing and downloading; write permits all requests",
        )
        parser.add_argument(
            "--days", type=int, default=90, help="lifetime in days (default: 90)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["days"] < 1:
            raise CommandError("--days must be at least 1.")
        users = get_user_model()
        user = users.objects.filter(
            **{users.USERNAME_FIELD: options["username"]}
        ).first()
        if user is None:
            raise CommandError(f"There is no user {options['username']!r}.")
        _, secret = create_token(
            user,
            name=options["name"],
            scope=options["scope"],
            expires_at=timezone.now() + timedelta(days=options["days"]),
        )
        self.stdout.write(secret)
