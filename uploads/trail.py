"""The audit trail's pen: who did what, when, from where, in which request."""

from __future__ import annotations

from typing import Any

import structlog

from uploads.models import AuditEvent, Upload


def record(
    kind: str,
    *,
    upload: Upload | None = None,
    user: Any = None,
    actor: Any = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Write one audit line, with the request that it came from.

    ``kind`` is ``<noun>.<what happened>``. ``upload`` or ``user`` is what it is
    about, ``actor`` the account that did it, None for the site itself. Call it in
    the transaction of the change. ``detail`` never holds a URL or a secret.
    """
    context = structlog.contextvars.get_contextvars()
    AuditEvent.objects.create(
        upload=upload,
        user=user,
        kind=kind,
        actor=actor,
        request_id=context.get("request_id", ""),
        address=context.get("address") or None,
        detail=detail or {},
    )
