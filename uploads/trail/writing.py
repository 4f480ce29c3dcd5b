"""The audit trail's pen: who did what, when, from where, in which request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import structlog

from uploads.models import AuditEvent, Upload
from uploads.text.filenames import printable

MAX_TEXT = 1024
MAX_ITEMS = 200
MAX_DEPTH = 6


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
    about, ``actor`` the account that did it, None for the site itself; accounts may
    be given by their id. Call it in the transaction of the change. ``detail`` never
    holds a URL or a secret; what people typed is cleaned and cut here.
    """
    _line(kind, upload, user, actor, detail).save(force_insert=True)


def record_many(
    lines: Iterable[tuple[str, Upload, dict[str, Any] | None]], *, actor: Any
) -> None:
    """Write lines about uploads, each its kind, upload and detail, in one statement."""
    AuditEvent.objects.bulk_create(
        [_line(kind, upload, None, actor, detail) for kind, upload, detail in lines]
    )


def _line(
    kind: str,
    upload: Upload | None,
    user: Any,
    actor: Any,
    detail: dict[str, Any] | None,
) -> AuditEvent:
    if user is None and upload is not None:
        user = upload.owner_id
    context = structlog.contextvars.get_contextvars()
    return AuditEvent(
        upload=upload,
        user_id=_id(user),
        kind=kind,
        actor_id=_id(actor),
        request_id=context.get("request_id", ""),
        address=context.get("address") or None,
        detail=_clean(detail or {}),
    )


def numbers_in_ranges(numbers: list[int]) -> str:
    """Return ``1-3,7`` for 1, 2, 3 and 7: a batch of parts on one line."""
    ranges: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ",".join(
        str(first) if first == last else f"{first}-{last}" for first, last in ranges
    )


def _id(account: Any) -> Any:
    return getattr(account, "pk", account)


def _clean(value: Any, depth: int = 0) -> Any:
    """Return ``value`` without what breaks a line, a page or a database.

    PostgreSQL's JSON takes neither NUL nor half a surrogate pair, and a terminal
    obeys control characters.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth < MAX_DEPTH and isinstance(value, dict):
        items = list(value.items())[:MAX_ITEMS]
        return {_text(key): _clean(item, depth + 1) for key, item in items}
    if depth < MAX_DEPTH and isinstance(value, list | tuple | set | frozenset):
        return [_clean(item, depth + 1) for item in list(value)[:MAX_ITEMS]]
    return _text(value)


def _text(value: Any) -> str:
    return printable(str(value)[: 4 * MAX_TEXT])[:MAX_TEXT]
