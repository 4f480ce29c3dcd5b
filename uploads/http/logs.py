"""Structured logging: one line for each event, with the id of its request."""

from __future__ import annotations

import re
from typing import Any

import structlog

SECRET_IN_PATH = re.compile(r"(/accounts/++reset/++[^/\s]++/++)[^/\s]++")
"""Matches the path of a link for a new password. A reader of a log could use the link.

Possessive quantifiers (``++``) do not backtrack, so the time is linear for any text.
"""

MAX_TEXT = 4_000
"""Maximum characters of one logged value. Requests can contain longer texts."""


def without_secrets(text: str) -> str:
    """Return ``text`` cut to MAX_TEXT characters, and without secrets in paths."""
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT] + "..."
    return SECRET_IN_PATH.sub(r"\1...", text)


def _without_request(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    # Django's log records contain the request object. Its text form contains the query
    # of the URL, and a query may contain search words.
    event.pop("request", None)
    return event


def _without_secrets(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    # Django logs the path of a refused request. The path may contain a secret.
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = without_secrets(value)
    return event


SHARED_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    _without_request,
    _without_secrets,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def logging_config(*, level: str, log_format: str) -> dict[str, Any]:
    """Return the setting LOGGING. ``log_format`` is ``console`` or ``json``."""
    renderer: list[Any] = (
        [
            structlog.processors.ExceptionRenderer(
                # Local variables may contain passwords and presigned URLs.
                structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
            ),
            structlog.processors.JSONRenderer(),
        ]
        if log_format == "json"
        else [
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED_PROCESSORS,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED_PROCESSORS,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *renderer,
                ],
            }
        },
        "filters": {"outages": {"()": "uploads.http.database_outages.WithoutOutages"}},
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": "structured"}
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # Django's default handler would print each line a second time.
            "django": {"handlers": [], "level": "INFO"},
            "django.request": {"filters": ["outages"]},
            # At DEBUG, botocore logs whole requests with their signatures.
            "botocore": {"level": "WARNING"},
            "boto3": {"level": "WARNING"},
            "urllib3": {"level": "WARNING"},
            # Logged queries contain their values, such as session keys and hashes.
            "django.db.backends": {"level": "INFO"},
            "django.server": {"handlers": ["console"], "propagate": False},
        },
    }
