"""Reads a request's JSON strictly: what two parsers could read differently is refused."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from django.conf import settings
from django.http import HttpRequest
from ninja.parser import Parser

from uploads.errors import InvalidRequest

MAX_NAMES = 40
"""Names in one object: more than any request has, and few enough to list as errors."""

MAX_MARKS = 50_000
"""Quotation marks, colons, commas and brackets in one body. A batch needs 8,000.

Counting them is cheap. Parsing more of them would keep all other threads waiting,
since the parser gives up Python's lock only when it has finished.
"""

MARKS = b'",:[{'

MAX_OBJECTS = 500
"""Objects in one body: a batch has 100 uploads."""


class StrictParser(Parser):
    """JSON in UTF-8, an object without duplicate names, NaN or bottomless depth.

    Reading stops at the first object that is larger than any request needs, so a
    hostile body of 1 MiB costs no more than an honest one.
    """

    def parse_body(self, request: HttpRequest) -> Any:
        if request.content_type != "application/json":
            raise InvalidRequest("Send the body as application/json.")
        # Where the size was not announced, nothing has refused the body so far.
        if len(request.body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise InvalidRequest("The body is too large: send less at a time.")
        if marks_in(request.body) > MAX_MARKS:
            raise InvalidRequest(
                f"The body has more than {MAX_MARKS} quotation marks, colons, commas "
                "and brackets. Send less at a time."
            )
        objects = _Objects()
        try:
            return json.loads(
                request.body.decode("utf-8"),
                object_pairs_hook=objects.make,
                parse_constant=_refuse_constant,
            )
        except (ValueError, RecursionError) as error:
            raise InvalidRequest("The body is not valid JSON in UTF-8.") from error


def marks_in(body: bytes) -> int:
    """Return how many characters of ``body`` may be structure; without parsing it."""
    return len(body) - len(body.translate(None, delete=MARKS))


class _Objects:
    """Makes the objects of one body and counts them."""

    def __init__(self) -> None:
        self._made = 0

    def make(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self._made += 1
        if self._made > MAX_OBJECTS:
            raise InvalidRequest(
                f"The body has more than {MAX_OBJECTS} objects. Send less at a time."
            )
        if len(pairs) > MAX_NAMES:
            raise InvalidRequest(
                f"An object in the body has {len(pairs)} names; the limit is "
                f"{MAX_NAMES}. Unknown fields are refused."
            )
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("duplicate name")
        return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
