"""A strict JSON parser. It refuses JSON that other parsers could read differently."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from django.conf import settings
from django.http import HttpRequest
from ninja.parser import Parser

from uploads.errors import InvalidRequest

MAX_NAMES = 40
"""Maximum number of fields in one object. Objects in valid requests have fewer."""

MAX_MARKS = 50_000
"""Maximum number of quotation marks, colons, commas and brackets in one body.

A full batch has 8,000 of these characters. The time to parse a body grows with the
number of these characters. All other threads of the process wait during this time,
because the parser does not release Python's global lock. Counting the characters takes
little time.
"""

MARKS = b'",:[{'

MAX_OBJECTS = 500
"""Maximum number of JSON objects in one body. A batch has at most 100 uploads."""


class StrictParser(Parser):
    """Parses JSON in UTF-8. Refuses duplicate names, NaN and very deep nesting.

    Parsing stops at the first object above a limit. So a malicious body of 1 MiB takes
    no more time than a valid body.
    """

    def parse_body(self, request: HttpRequest) -> Any:
        if request.content_type != "application/json":
            raise InvalidRequest("Send the body as application/json.")
        # The middleware checks only Content-Length, and ASGI requests may not have it.
        if len(request.body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise InvalidRequest(
                "The body is too large. Send less data in one request."
            )
        if marks_in(request.body) > MAX_MARKS:
            raise InvalidRequest(
                f"The body has more than {MAX_MARKS} quotation marks, colons, commas "
                "and brackets. Send fewer items in one request."
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
    """Return how many characters of ``body`` are in MARKS, without parsing it."""
    return len(body) - len(body.translate(None, delete=MARKS))


class _Objects:
    """Creates the dictionaries for one body, and counts them."""

    def __init__(self) -> None:
        self._made = 0

    def make(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self._made += 1
        if self._made > MAX_OBJECTS:
            raise InvalidRequest(
                f"The body has more than {MAX_OBJECTS} objects. Send fewer items in "
                "one request."
            )
        if len(pairs) > MAX_NAMES:
            raise InvalidRequest(
                f"An object in the body has {len(pairs)} fields; the limit is "
                f"{MAX_NAMES}. Send only fields that the API knows."
            )
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("duplicate name")
        return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
