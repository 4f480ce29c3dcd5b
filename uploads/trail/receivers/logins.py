"""Writes events for logins, logouts, failed logins and new addresses of tokens."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import Any

import structlog
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import (
    user_logged_in,
    user_logged_out,
    user_login_failed,
)
from django.dispatch import receiver
from django.utils import timezone

from uploads.models import ApiToken, AuditEvent
from uploads.text.filenames import printable
from uploads.trail.writing import record

logger = structlog.get_logger("slipway.trail")

MAX_NAME = 150  # Django's limit for a username
FAILED_WINDOW = timedelta(minutes=1)
MAX_FAILED_PER_ADDRESS = 10
MAX_FAILED = 100
"""Maximum number of failed logins written to the trail in one FAILED_WINDOW.

Failed logins with the name of an account have their own count. Otherwise, an attacker
could reach the limit with invented names, and then guess the password of an account
without events.
"""

MAX_NEW_ADDRESSES_PER_DAY = 50
"""Maximum number of events for new addresses of one account in 24 hours.

Without this limit, a client that often changes its address could fill the table.
"""


@receiver(user_logged_in, dispatch_uid="trail.login")
def _logged_in(user: Any, **_: Any) -> None:
    record("account.logged_in", user=user, actor=user)


@receiver(user_logged_out, dispatch_uid="trail.logout")
def _logged_out(user: Any, **_: Any) -> None:
    if user is not None:
        record("account.logged_out", user=user, actor=user)


@receiver(user_login_failed, dispatch_uid="trail.failed_login")
def _login_failed(credentials: dict[str, Any], **_: Any) -> None:
    """Write an event with the tried name if the limits permit it."""
    users = get_user_model()
    tried = str(credentials.get("username") or credentials.get("email") or "")
    name = printable(tried[: 2 * MAX_NAME])[:MAX_NAME]
    account = users.objects.filter(**{users.USERNAME_FIELD: name}).first()
    address = structlog.contextvars.get_contextvars().get("address") or None
    written = _should_be_written(name, address, is_known=account is not None)
    if written:
        record("account.login_failed", user=account, detail={"name": name})
    # Log every attempt, because the log is rotated and cannot grow without limit. Do
    # not log the name, because people sometimes type their password as the name.
    logger.warning("login.failed", is_known=account is not None, written=written)


def _should_be_written(name: str, address: str | None, *, is_known: bool) -> bool:
    """Return whether to write an event for this failed login.

    Return False if the events of the last FAILED_WINDOW contain this name with this
    address, or if they reach a limit.
    """
    recent = AuditEvent.objects.filter(
        kind="account.login_failed",
        at__gt=timezone.now() - FAILED_WINDOW,
        user__isnull=not is_known,
    )
    written = list(recent.values_list("address", "detail__name")[:MAX_FAILED])
    names_of_address = [tried for source, tried in written if source == address]
    return (
        name not in names_of_address
        and len(names_of_address) < MAX_FAILED_PER_ADDRESS
        and len(written) < MAX_FAILED
    )


def record_new_address(token: ApiToken) -> None:
    """Write an event if the request is the first with ``token`` from its address."""
    address = structlog.contextvars.get_contextvars().get("address")
    if address:
        _record_new_address(token.pk, token.user_id, address)


@lru_cache(maxsize=10_000)
def _record_new_address(token_id: int, user_id: int, address: str) -> None:
    # The cache stores pairs of token and address. So only the first request with a pair
    # queries the database.
    known = AuditEvent.objects.filter(kind="token.new_address", user=user_id)
    if known.filter(address=address, detail__token=token_id).exists():
        return
    today = known.filter(at__gt=timezone.now() - timedelta(days=1))
    limit = MAX_NEW_ADDRESSES_PER_DAY
    if len(today.values_list("pk")[:limit]) == limit:
        logger.warning("token.many_addresses", token=token_id, user=user_id)
        return
    record("token.new_address", user=user_id, actor=user_id, detail={"token": token_id})
