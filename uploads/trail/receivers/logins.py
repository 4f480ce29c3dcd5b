"""Who came in, who went out, who tried, and from where a token is used."""

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

logger = structlog.get_logger("slipway.witness")

MAX_NAME = 150  # Django's own limit of a user name
FAILED_WINDOW = timedelta(minutes=1)
FAILED_BY_ADDRESS = 10
FAILED_IN_ALL = 100
"""Failed logins written in one FAILED_WINDOW, apart for names with an account and
names without: a flood of the second kind hides none of the first."""

NEW_ADDRESSES_A_DAY = 50
"""For one account: who changes address with each request fills no table."""


@receiver(user_logged_in, dispatch_uid="witness.login")
def _logged_in(user: Any, **_: Any) -> None:
    record("account.logged_in", user=user, actor=user)


@receiver(user_logged_out, dispatch_uid="witness.logout")
def _logged_out(user: Any, **_: Any) -> None:
    if user is not None:
        record("account.logged_out", user=user, actor=user)


@receiver(user_login_failed, dispatch_uid="witness.failed_login")
def _login_failed(credentials: dict[str, Any], **_: Any) -> None:
    """Write the name that was tried, once a minute from each address, within bounds."""
    users = get_user_model()
    tried = str(credentials.get("username") or credentials.get("email") or "")
    name = printable(tried[: 2 * MAX_NAME])[:MAX_NAME]
    account = users.objects.filter(**{users.USERNAME_FIELD: name}).first()
    address = structlog.contextvars.get_contextvars().get("address") or None
    written = _is_worth_a_line(name, address, is_known=account is not None)
    if written:
        record("account.login_failed", user=account, detail={"name": name})
    # The log rotates, so it may have them all; the name may be a password there.
    logger.warning("login.failed", is_known=account is not None, written=written)


def _is_worth_a_line(name: str, address: str | None, *, is_known: bool) -> bool:
    """Return whether neither this attempt nor too many like it are written already."""
    recent = AuditEvent.objects.filter(
        kind="account.login_failed",
        at__gt=timezone.now() - FAILED_WINDOW,
        user__isnull=not is_known,
    )
    seen = list(recent.values_list("address", "detail__name")[:FAILED_IN_ALL])
    from_there = [tried for place, tried in seen if place == address]
    return (
        name not in from_there
        and len(from_there) < FAILED_BY_ADDRESS
        and len(seen) < FAILED_IN_ALL
    )


def notice_token(token: ApiToken) -> None:
    """Write down that ``token`` was used, if never before from this address."""
    address = structlog.contextvars.get_contextvars().get("address")
    if address:
        _notice_address(token.pk, token.user_id, address)


@lru_cache(maxsize=10_000)
def _notice_address(token_id: int, user_id: int, address: str) -> None:
    # The cache keeps the trail out of the way of all requests but the first.
    before = AuditEvent.objects.filter(kind="token.new_address", user=user_id)
    if before.filter(address=address, detail__token=token_id).exists():
        return
    today = before.filter(at__gt=timezone.now() - timedelta(days=1))
    if len(today.values_list("pk")[:NEW_ADDRESSES_A_DAY]) == NEW_ADDRESSES_A_DAY:
        logger.warning("token.many_addresses", token=token_id, user=user_id)
        return
    record("token.new_address", user=user_id, actor=user_id, detail={"token": token_id})
