"""The database cannot be reached: which errors say so, and what the log is told."""

from __future__ import annotations

import re
import sqlite3

import structlog
from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest

logger = structlog.get_logger("slipway.database")

DATABASE_ERRORS = (OperationalError, InterfaceError, InternalError)
"""What the database says of itself: it is away, full, closing, or its line is cut."""

_READ_ONLY = "25006"
"""What PostgreSQL answers that has just handed over to another: an InternalError."""

_POSTGRES_CLASSES = frozenset({"08", "28", "3D", "40", "53", "55", "57", "58"})
"""Of SQLSTATE: no connection, no entry, crossed transactions, no room, locks, shutdowns.
What else psycopg calls an OperationalError is about the statement."""

_ADDRESS = re.compile(r"[a-z][a-z0-9+]{0,20}://\S+", re.IGNORECASE)


def is_outage(error: BaseException | None) -> bool:
    """Return whether ``error`` says that the database cannot do its work now.

    It is nobody's fault then, and the same request may succeed in a moment. An
    OperationalError can be about the statement too: SQLite says so where a table is not
    there, PostgreSQL where a value does not fit into an index. Those are faults of ours.
    """
    if not isinstance(error, DATABASE_ERRORS):
        return False
    if getattr(error.__cause__, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    if isinstance(error, InternalError):
        return state == _READ_ONLY
    return state is None or state[:2] in _POSTGRES_CLASSES


def outage_of(request: object) -> BaseException | None:
    """Return the error that the database answered this request with, if it did."""
    error: BaseException | None = getattr(request, "_outage", None)
    return error


def remember_outage(request: HttpRequest, error: BaseException | None) -> None:
    """Keep on the request what the database answered; None for nothing."""
    request._outage = error  # type: ignore[attr-defined]  # noqa: SLF001


def log_outage(error: BaseException) -> None:
    """Write the one line that an outage is worth, on one line."""
    # A deadlock is called one by the driver only.
    kind = type(error.__cause__ or error).__name__
    logger.error("database.unavailable", kind=kind, error=_in_words(error))


def _in_words(error: BaseException) -> str:
    """Return what the driver said, without what may not be logged.

    A driver that is given a URL or a password which it cannot use may repeat it.
    """
    words = _ADDRESS.sub("...", " ".join(str(error).split()))
    for database in settings.DATABASES.values():
        password = str(database.get("PASSWORD") or "")
        if password:
            words = words.replace(password, "...")
    return words
