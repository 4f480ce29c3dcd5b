"""Print the audit trail, one JSON object per line."""

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
"""By default, the command does not export events that are younger than this.

The database assigns the id of an event before the transaction commits. So an event may
become visible after this command has exported an event with a higher id. A program that
resumes with ``--after`` would never get the event with the lower id.
"""


class Command(BaseCommand):
    help = (
        "Print the audit trail as one JSON object per line. The oldest event comes "
        "first. Without --until, the command does not print events of the last minute, "
        "because a transaction in progress may still add an event before them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--since",
            help="only events from this time on, such as 2026-01-31 or "
            "2026-01-31T12:00:00Z",
        )
        parser.add_argument("--until", help="only events before this time")
        parser.add_argument(
            "--kind",
            action="append",
            default=[],
            help="only events of this kind, such as account.logged_in; may be repeated",
        )
        parser.add_argument("--user", help="only events by or about this account")
        parser.add_argument(
            "--after",
            type=int,
            default=0,
            help="only events with a higher id than this, to resume an export",
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
    """Return the time in ``text``. If it has no time zone, use the site's time zone."""
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
            f"{option} {text} is not a time. "
            "Write a date, or a time such as 2026-01-31T12:00:00Z."
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
