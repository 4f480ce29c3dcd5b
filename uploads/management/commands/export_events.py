"""Export the audit trail as lines of JSON."""

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
"""Events younger than this are not exported by default.

A transaction that commits later may have a lower id than an exported event. A program
that resumes with ``--after`` would miss that event.
"""


class Command(BaseCommand):
    help = (
        "Print the audit trail, oldest first, one JSON object per line. Without --until, "
        "events of the last minute are left out, because others may still be committed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--since", help="first time, such as 2026-01-31 or 2026-01-31T12:00:00Z"
        )
        parser.add_argument("--until", help="end time (exclusive)")
        parser.add_argument(
            "--kind",
            action="append",
            default=[],
            help="only this kind, such as account.logged_in; may be repeated",
        )
        parser.add_argument("--user", help="only events by or about this account")
        parser.add_argument(
            "--after", type=int, default=0, help="only ids above this one, to resume"
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
    """Return the time in ``text``. Without a time zone, the site's zone is used."""
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
