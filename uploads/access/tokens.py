"""API tokens: made once, shown once, kept as a hash, revoked for good."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from uploads.models import ApiToken, Scope
from uploads.trail.writing import record

PREFIX = "slipway_"
"""Lets secret scanners recognise a leaked token."""


def create_token(
    owner: Any,
    *,
    name: str,
    scope: str = Scope.WRITE,
    expires_at: datetime | None = None,
    actor: Any = None,
    form_mark: str = "",
) -> tuple[ApiToken, str]:
    """Return a new token's row and its secret, which cannot be shown again.

    ``actor`` is who makes it, None for the command line. A form that was sent before
    with the same ``form_mark`` makes nothing: it gets the row that it has made, and
    ``""`` for the secret, which nobody knows any more.
    """
    secret = PREFIX + secrets.token_urlsafe(32)
    facts = {
        "name": name,
        "digest": _digest(secret),
        "scope": scope,
        "expires_at": expires_at,
    }
    with transaction.atomic():
        if form_mark:
            row, is_new = ApiToken.objects.get_or_create(
                user=owner, form_mark=form_mark, defaults=facts
            )
            if not is_new:
                return row, ""
        else:
            row = ApiToken.objects.create(user=owner, **facts)
        until = expires_at.isoformat() if expires_at else None
        detail = {**_named(row), "scope": str(row.scope), "expires_at": until}
        record("token.created", user=owner, actor=actor, detail=detail)
    return row, secret


def revoke(token: ApiToken, *, actor: Any = None) -> bool:
    """End the token at once; return whether it was not revoked already."""
    with transaction.atomic():
        unrevoked = ApiToken.objects.filter(pk=token.pk, revoked_at=None)
        if not unrevoked.update(revoked_at=timezone.now()):
            return False
        record("token.revoked", user=token.user, actor=actor, detail=_named(token))
    return True


def replace(
    token: ApiToken, *, actor: Any, form_mark: str = ""
) -> tuple[ApiToken, str]:
    """End the token and return one like it, as create_token does.

    One that has ended is not replaced: the answer is what the same form has made of it
    before, or the token itself, and no secret.
    """
    with transaction.atomic():
        if not (token.is_live and revoke(token, actor=actor)):
            own = ApiToken.objects.filter(user=token.user)
            return own.filter(form_mark=form_mark).first() or token, ""
        return create_token(
            token.user,
            name=token.name,
            scope=token.scope,
            expires_at=token.expires_at,
            actor=actor,
            form_mark=form_mark,
        )


def revoke_all(owner: Any, *, actor: Any = None) -> int:
    """End every token of ``owner``; return how many that were."""
    tokens = ApiToken.objects.filter(user=owner, revoked_at=None).select_related("user")
    return sum(revoke(token, actor=actor) for token in tokens)


def find_token(secret: str) -> ApiToken | None:
    """Return the live token of an active account that ``secret`` opens, or None."""
    now = timezone.now()
    token = (
        ApiToken.objects.select_related("user")
        .filter(digest=_digest(secret), revoked_at=None, user__is_active=True)
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


def _named(token: ApiToken) -> dict[str, Any]:
    return {"token": token.pk, "name": token.name}


def _digest(secret: str) -> str:
    # The secret has 256 random bits, so a fast hash cannot be guessed back.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
