"""Reads a request's JSON strictly: what two parsers could read differently is refused."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from django.http import HttpRequest
from ninja.parser import Parser

from uploads.errors import InvalidRequest


class StrictParser(Parser):
    """JSON in UTF-8, an object without duplicate names, NaN or bottomless depth."""

    def parse_body(self, request: HttpRequest) -> Any:
        if request.content_type != "application/json":
            raise InvalidRequest("Send the body as application/json.")
        try:
            return json.loads(
                request.body.decode("utf-8"),
                object_pairs_hook=_unique_names,
                parse_constant=_refuse_constant,
            )
        except (ValueError, RecursionError) as error:
            raise InvalidRequest("The body is not valid JSON in UTF-8.") from error


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate name")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
