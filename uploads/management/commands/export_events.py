"""Exports the audit trail as lines of JSON."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from uploads.trail.export import export

SETTLED = timedelta(minutes=1)
"""Younger events wait: one that is still being committed may have a lower id than
one that is there already, and whoever resumes by id would never see it."""


class Command(BaseCommand):
    help = (
        "Print the audit trail, oldest first, one JSON object a line. The newest "
        "minute is left for the next time, unless --until says otherwise."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--since", help="from this time on: 2026-01-31, or ISO 8601"
        )
        parser.add_argument("--until", help="before this time")
        parser.add_argument("--kind", action="append", default=[], help="repeatable")
        parser.add_argument("--user", help="by or about this account")
        parser.add_argument(
            "--after", type=int, default=0, help="behind this id: to go on"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        until = _moment("--until", options["until"])
        events = export(
            since=_moment("--since", options["since"]),
            until=timezone.now() - SETTLED if until is None else until,
            kinds=options["kind"],
            account=_account(options["user"]),
            after=options["after"],
        )
        for event in events:
            self.stdout.write(json.dumps(event, ensure_ascii=False))


def _moment(option: str, text: str | None) -> datetime | None:
    """Return the time that was written; without a zone, in the site's own."""
    if text is None:
        return None
    try:
        day = parse_date(text)
        moment = (
            parse_datetime(text)
            if day is None
            else datetime.combine(day, datetime.min.time())
        )
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(
            f"{option} {text}: write a date, or a time such as 2026-01-31T12:00:00Z."
        )
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment


def _account(name: str | None) -> Any:
    if name is None:
        return None
    users = get_user_model()
    account = users.objects.filter(**{users.USERNAME_FIELD: name}).first()
    if account is None:
        raise CommandError(f"There is no user {name!r}.")
    return account.pk
