"""API tokens: made once, shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone

from uploads.models import ApiToken

PREFIX = "slipway_"
"""Lets secret scanners recognise a leaked token."""


def create_token(
    owner: Any, *, name: str, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """Return a new token's row and its secret, which cannot be shown again."""
    secret = PREFIX + secrets.token_urlsafe(32)
    row = ApiToken.objects.create(
        user=owner, name=name, digest=_digest(secret), expires_at=expires_at
    )
    return row, secret


def find_token(secret: str) -> ApiToken | None:
    """Return the live token of an active account that ``secret`` opens, or None."""
    now = timezone.now()
    token = (
        ApiToken.objects.select_related("user")
        .filter(digest=_digest(secret), user__is_active=True)
        .filter(Q(expires_at=None) | Q(expires_at__gt=now))
        .first()
    )
    if token is not None:
        # A write a minute tells enough; one a request would be a hot row.
        stale = now - ApiToken.LAST_USED_RESOLUTION
        ApiToken.objects.filter(
            Q(last_used_at=None) | Q(last_used_at__lt=stale), pk=token.pk
        ).update(last_used_at=now)
    return token


def _digest(secret: str) -> str:
    # The secret has 256 random bits, so a fast hash cannot be guessed back.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
