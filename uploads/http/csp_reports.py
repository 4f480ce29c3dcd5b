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
    """For each report that names a directive, yield the fields to log."""
    if len(body) > MAX_BODY_BYTES:
        return
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        return
    for report in sent[:MAX_REPORTS] if isinstance(sent, list) else [sent]:
        facts = isinstance(report, dict) and report.get(
            "csp-report", report.get("body")
        )
        if isinstance(facts, dict):
            fields = {
                name: value
                for name, (names, read) in FIELDS.items()
                if (value := read(_first(facts, names))) is not None
            }
            if "directive" in fields:
                yield fields


def _first(facts: dict[str, Any], names: tuple[str, str]) -> Any:
    return next((facts[name] for name in names if name in facts), None)


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and WORD.fullmatch(value) else None


def _number(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < MAX_NUMBER else None


def _address(value: Any) -> str | None:
    """Return the origin and the path of a URL.

    Remove the query and the fragment, because they may contain a signature or a token.
    For schemes other than http and https, return only the scheme, because a data: URL
    contains the data itself.
    """
    if not isinstance(value, str) or not value:
        return None
    if WORD.fullmatch(value):
        return value  # for example inline, eval or trusted-types-sink
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "unreadable"
    if parts.scheme not in {"http", "https"}:
        return f"{parts.scheme}:"[:MAX_TEXT]
    origin = f"{parts.scheme}://{host}" + (f":{port}" if port else "")
    address = origin + without_secrets(parts.path)
    return UNPRINTABLE.sub("?", address)[:MAX_TEXT]


# Each field has two names: the name in the old format (report-uri), and the name in the
# new format (report-to).
FIELDS: dict[str, tuple[tuple[str, str], Callable[[Any], Any]]] = {
    "directive": (("effective-directive", "effectiveDirective"), _word),
    "document": (("document-uri", "documentURL"), _address),
    "blocked": (("blocked-uri", "blockedURL"), _address),
    "source": (("source-file", "sourceFile"), _address),
    "line": (("line-number", "lineNumber"), _number),
}
