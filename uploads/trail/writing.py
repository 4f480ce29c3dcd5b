"""Writes audit events. An event has actor, time, client address and request id."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import structlog
from django.db import transaction

from uploads.metrics.counting import count_moves
from uploads.models import AuditEvent, Upload
from uploads.states import State
from uploads.text.filenames import printable

ENTERED = {
    "upload.started": State.PENDING.value,
    **{f"upload.{s.value}": s.value for s in State if s != State.PENDING},
}
"""Maps the kind of an event to the state that the upload has entered."""

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
    """Write one audit event, with the id and client address of the current request.

    Call this function in the transaction of the change that the event describes.

    - ``kind`` is a noun and a past participle, such as ``upload.started``.
    - ``upload`` and ``user`` are the subjects of the event. The default for ``user`` is
      the owner of ``upload``.
    - ``actor`` is the account that acted, or None if the site itself acted.
    - ``detail`` must not contain a URL or a secret. This function shortens long texts
      and removes invisible characters.

    ``user`` and ``actor`` may be accounts or ids of accounts.
    """
    values = _values(kind, upload, _clean(detail or {})) | _common(actor)
    if user is not None:
        values["user_id"] = _id(user)
    AuditEvent(**values).save(force_insert=True)
    if upload is not None:
        _count([(kind, upload, detail)])


def record_many(
    events: Iterable[tuple[str, Upload, dict[str, Any] | None]], *, actor: Any
) -> None:
    """Write all events with one statement. An event is (kind, upload, detail)."""
    events, common = list(events), _common(actor)
    # Many events of a batch have the same object as detail. Clean it once.
    details = {id(detail): detail for _, _, detail in events}
    cleaned = {key: _clean(detail or {}) for key, detail in details.items()}
    AuditEvent.objects.insert(
        [
            _values(kind, upload, cleaned[id(detail)]) | common
            for kind, upload, detail in events
        ]
    )
    _count(events)


def _count(events: list[tuple[str, Upload, dict[str, Any] | None]]) -> None:
    """Count the moves among ``events`` in the metrics when the transaction commits."""
    moves: dict[tuple[str, str, str], list[int]] = {}
    for kind, upload, detail in events:
        if kind in ENTERED:
            move = ENTERED[kind], upload.transport, _cause(detail)
            moves.setdefault(move, []).append(upload.byte_size)
    if moves:
        transaction.on_commit(lambda: _count_moves(moves))


def _cause(detail: dict[str, Any] | None) -> str:
    return str((detail or {}).get("cause", ""))


def _count_moves(moves: dict[tuple[str, str, str], list[int]]) -> None:
    for (state, transport, reason), sizes in moves.items():
        count_moves(state, transport, reason=reason, byte_sizes=sizes)


def _values(kind: str, upload: Upload | None, detail: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of an event that differ between the events of a batch."""
    return {
        "kind": kind,
        "upload_id": upload.pk if upload is not None else None,
        "user_id": upload.owner_id if upload is not None else None,
        "detail": detail,
    }


def _common(actor: Any) -> dict[str, Any]:
    """Return the attributes that are the same for all events of a batch."""
    context = structlog.contextvars.get_contextvars()
    return {
        "actor_id": _id(actor),
        "request_id": context.get("request_id", ""),
        "address": context.get("address") or None,
    }


def numbers_in_ranges(numbers: list[int]) -> str:
    """Return the sorted numbers as ranges, such as ``1-3,7`` for 1, 2, 3 and 7."""
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
    """Return ``value`` as JSON that is safe to store and to print.

    PostgreSQL's JSON type refuses NUL and lone surrogates. A terminal executes control
    characters.
    """
    if isinstance(value, str):
        return _text(value)
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
