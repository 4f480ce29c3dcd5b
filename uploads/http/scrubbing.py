"""Remove secrets from the events that the site sends to Sentry."""

from __future__ import annotations

import re
from typing import Any

from uploads.http.logs import without_secrets

LEFT_OUT = "..."
MAX_DEPTH = 12
MAX_TEXT = 8_000

URL = re.compile(r"(?i)(\bhttps?://[^\s?#\"'<>]*+)([?#][^\s\"'<>]*+)?+")
"""Matches a URL and its query. A presigned URL has its signature in the query.

The pattern also matches URLs without a query. So the search continues after each URL,
and takes linear time.
"""

NAMED = re.compile(
    r"(?i)(x-amz-[a-z0-9-]{1,40}|signature|policy|authorization|cookie|csrf\w{0,20}|"
    r"session\w{0,20}|\w{0,20}token|\w{0,20}secret\w{0,20}|\w{0,20}password\w{0,20})"
    r"([\"']?\s{0,3}[=:]\s{0,3}[\"']?|\s{1,3})[^\s\"'&,;)}\]]++"
)
"""Matches the name of a secret, such as ``password``, and the value that follows it."""

TOKEN = re.compile(
    r"\bslipway_[A-Za-z0-9_-]{8,}+|(?i:\b(?:bearer|basic)\s{1,3}[A-Za-z0-9._~+/=-]++)"
)
KEPT_HEADERS = frozenset({"host", "user-agent", "content-type", "content-length"})


def scrubbed(text: str) -> str:
    """Return ``text`` without secrets and URL queries, cut to MAX_TEXT characters."""
    text = without_secrets(text[:MAX_TEXT])
    text = URL.sub(_without_query, text)
    text = TOKEN.sub(LEFT_OUT, text)
    return NAMED.sub(rf"\1\2{LEFT_OUT}", text)


def _without_query(url: re.Match[str]) -> str:
    return f"{url[1]}?{LEFT_OUT}" if url[2] else url[1]


def scrub_event(event: Any, hint: Any = None) -> Any:
    """Return a Sentry event without bodies, queries, cookies and secrets."""
    request = event.get("request")
    if isinstance(request, dict):
        headers = request.get("headers") or {}
        event["request"] = {
            "method": request.get("method", ""),
            "url": str(request.get("url", "")).partition("?")[0],
            "headers": {k: v for k, v in headers.items() if k.lower() in KEPT_HEADERS},
        }
    event.pop("user", None)
    event.pop("breadcrumbs", None)
    return _scrub(event, 0)


def _scrub(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return scrubbed(value)
    if depth >= MAX_DEPTH:
        return LEFT_OUT if isinstance(value, dict | list | tuple) else value
    if isinstance(value, dict):
        return {key: _scrub(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_scrub(item, depth + 1) for item in value]
    return value
