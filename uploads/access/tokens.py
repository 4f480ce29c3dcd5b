"""API tokens. The site shows the secret of a token once, and stores only its hash."""

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
"""Secret scanners recognise a leaked token by this prefix."""


def create_token(
    owner: Any,
    *,
    name: str,
    scope: str = Scope.WRITE,
    expires_at: datetime | None = None,
    actor: Any = None,
    idempotency_key: str = "",
) -> tuple[ApiToken, str]:
    """Create a token. Return its row and its secret, which cannot be shown again.

    ``actor`` is the user who creates the token, or None for the command line. If the
    owner has a token with this ``idempotency_key``, return its row and ``""``, because
    its secret is not stored.
    """
    secret = PREFIX + secrets.token_urlsafe(32)
    facts = {
        "name": name,
        "digest": _digest(secret),
        "scope": scope,
        "expires_at": expires_at,
    }
    with transaction.atomic():
        if idempotency_key:
            row, is_new = ApiToken.objects.get_or_create(
                user=owner, idempotency_key=idempotency_key, defaults=facts
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
    """Revoke the token. Return False if the token was already revoked."""
    with transaction.atomic():
        unrevoked = ApiToken.objects.filter(pk=token.pk, revoked_at=None)
        if not unrevoked.update(revoked_at=timezone.now()):
            return False
        record("token.revoked", user=token.user, actor=actor, detail=_named(token))
    return True


def replace(
    token: ApiToken, *, actor: Any, idempotency_key: str = ""
) -> tuple[ApiToken, str]:
    """Revoke ``token`` and create a token with the same settings.

    Return the row and the secret of the new token. An expired or revoked token is not
    replaced, and the returned secret is ``""``. The returned row is then the token that
    was created with this ``idempotency_key``, or ``token`` if there is no such token.
    """
    with transaction.atomic():
        if not (token.is_live and revoke(token, actor=actor)):
            own = ApiToken.objects.filter(user=token.user)
            return own.filter(idempotency_key=idempotency_key).first() or token, ""
        return create_token(
            token.user,
            name=token.name,
            scope=token.scope,
            expires_at=token.expires_at,
            actor=actor,
            idempotency_key=idempotency_key,
        )


def revoke_all(owner: Any, *, actor: Any = None) -> int:
    """Revoke every token of ``owner``. Return the number of revoked tokens."""
    tokens = ApiToken.objects.filter(user=owner, revoked_at=None).select_related("user")
    return sum(revoke(token, actor=actor) for token in tokens)


def use_token(secret: str) -> ApiToken | None:
    """Return the valid token with this secret and record its use, or return None.

    Tokens of inactive accounts are not valid.
    """
    now = timezone.now()
    token = (
        ApiToken.objects.select_related("user")
        .filter(digest=_digest(secret), revoked_at=None, user__is_active=True)
        .filter(Q(expires_at=None) | Q(expires_at__gt=now))
        .first()
    )
    if token is not None:
        # last_used_at is written at most once a minute, to avoid a write per request.
        stale = now - ApiToken.LAST_USED_RESOLUTION
        if token.last_used_at is None or token.last_used_at < stale:
            ApiToken.objects.filter(
                Q(last_used_at=None) | Q(last_used_at__lt=stale), pk=token.pk
            ).update(last_used_at=now)
    return token


def _named(token: ApiToken) -> dict[str, Any]:
    return {"token": token.pk, "name": token.name}


def _digest(secret: str) -> str:
    # The secret has 256 random bits, so a fast hash is safe against guessing.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
