"""Recognise database outages, store them on the request, and log them."""

from __future__ import annotations

import re
import sqlite3

import structlog
from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest

logger = structlog.get_logger("slipway.database")

DATABASE_ERRORS = (OperationalError, InterfaceError, InternalError)
"""Django raises these classes during a database outage, and also for some bugs."""

_READ_ONLY = "25006"
"""PostgreSQL refuses a write with this SQLSTATE if the server has become a replica."""

_POSTGRES_CLASSES = frozenset({"08", "28", "3D", "40", "53", "55", "57", "58"})
"""SQLSTATE classes of outages: connection, login, rollback, space, locks, shutdown.

If psycopg raises an OperationalError with another SQLSTATE, the cause is the statement
or a value in it.
"""

_ADDRESS = re.compile(r"[a-z][a-z0-9+]{0,20}://\S+", re.IGNORECASE)


def is_outage(error: BaseException | None) -> bool:
    """Return whether ``error`` means that the database is unavailable for now.

    The same request may succeed later. Return False for an OperationalError that is a
    bug. For example, SQLite raises it for a missing table, and PostgreSQL raises it for
    a value that is too large for an index.
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
    """Return the outage that is stored on ``request``, or None."""
    error: BaseException | None = getattr(request, "_outage", None)
    return error


def remember_outage(request: HttpRequest, error: BaseException | None) -> None:
    """Store ``error`` on the request. None removes a stored outage."""
    request._outage = error  # type: ignore[attr-defined]  # noqa: SLF001


def log_outage(error: BaseException) -> None:
    """Log an outage as one line, without a traceback."""
    # Log the driver's class, such as DeadlockDetected, because Django's class is too
    # general.
    kind = type(error.__cause__ or error).__name__
    logger.error("database.unavailable", kind=kind, error=_without_secrets(error))


def _without_secrets(error: BaseException) -> str:
    """Return the driver's message on one line, without URLs and passwords.

    If a driver cannot use a connection URL or a password, its message quotes the value.
    """
    message = _ADDRESS.sub("...", " ".join(str(error).split()))
    for database in settings.DATABASES.values():
        password = str(database.get("PASSWORD") or "")
        if password:
            message = message.replace(password, "...")
    return message
