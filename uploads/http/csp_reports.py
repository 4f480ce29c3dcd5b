"""Log the reports that browsers send about violations of the Content-Security-Policy.

Anybody can send reports, so they are only hints for operators. The number of log lines
is limited, and nothing is stored.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from uploads.http.logs import without_secrets

logger = structlog.get_logger("slipway.csp")

MAX_BODY_BYTES = 16 * 1024
MAX_REPORTS = 10
MAX_LINES_A_MINUTE = 60
MAX_TEXT = 200

# Each field has two names: in the old format (report-uri) and the new one (report-to).
URLS = {
    "document": ("document-uri", "documentURL"),
    "blocked": ("blocked-uri", "blockedURL"),
    "source": ("source-file", "sourceFile"),
}
WORDS = {
    "directive": ("effective-directive", "effectiveDirective"),
    "disposition": ("disposition", "disposition"),
}
NUMBERS = {
    "line": ("line-number", "lineNumber"),
    "column": ("column-number", "columnNumber"),
}
WORD = re.compile(r"[a-z-]{1,40}")
UNPRINTABLE = re.compile(r"[^\x21-\x7e]+")
MAX_NUMBER = 2**31


class Budget:
    """Allows ``a_minute`` log lines a minute in this process. Counts omitted lines."""

    def __init__(
        self, a_minute: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._a_minute = a_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._since = clock()
        self._spent = 0
        self._left_out = 0

    def spend(self) -> int | None:
        """Return the number of lines omitted since the last logged line, or None.

        None means that the caller must not log this line.
        """
        with self._lock:
            if self._clock() - self._since >= 60:
                self._since, self._spent = self._clock(), 0
            if self._spent >= self._a_minute:
                self._left_out += 1
                return None
            self._spent += 1
            left_out, self._left_out = self._left_out, 0
            return left_out


budget = Budget(MAX_LINES_A_MINUTE)


@csrf_exempt
@login_not_required
@require_POST
def csp_reports(request: HttpRequest) -> HttpResponse:
    """Log the reports of a browser. The response is always 204."""
    for fields in _reports(request.read(MAX_BODY_BYTES + 1)):
        left_out = budget.spend()
        if left_out is not None:
            logger.warning("csp.violation", **fields, left_out=left_out)
    return HttpResponse(status=204)


def _reports(body: bytes) -> Iterator[dict[str, Any]]:
    if len(body) > MAX_BODY_BYTES:
        return
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        return
    for report in sent[:MAX_REPORTS] if isinstance(sent, list) else [sent]:
        if isinstance(report, dict):
            facts = report.get("csp-report", report.get("body"))
            if isinstance(facts, dict) and (fields := _known(facts)):
                yield fields


def _known(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the fields to log, or {} if the report names no directive."""
    fields: dict[str, Any] = {}
    for name, names in WORDS.items():
        value = _first(facts, names)
        if isinstance(value, str) and WORD.fullmatch(value):
            fields[name] = value
    if "directive" not in fields:
        return {}
    for name, names in URLS.items():
        value = _first(facts, names)
        if isinstance(value, str) and value:
            fields[name] = _address(value)
    for name, names in NUMBERS.items():
        value = _first(facts, names)
        if type(value) is int and 0 <= value < MAX_NUMBER:
            fields[name] = value
    return fields


def _first(facts: dict[str, Any], names: tuple[str, str]) -> Any:
    return next((facts[name] for name in names if name in facts), None)


def _address(url: str) -> str:
    """Return the origin and the path of a URL.

    The query may contain a signature, and the fragment may contain a token. For schemes
    other than http and https, return only the scheme, because a data: URL contains the
    data itself.
    """
    if WORD.fullmatch(url):
        return url  # inline, eval, trusted-types-sink ...
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "unreadable"
    if parts.scheme not in {"http", "https"}:
        return f"{parts.scheme}:"[:MAX_TEXT]
    origin = f"{parts.scheme}://{host}" + (f":{port}" if port else "")
    address = origin + without_secrets(parts.path)
    return UNPRINTABLE.sub("?", address)[:MAX_TEXT]
