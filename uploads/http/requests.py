"""Requests that are UTF-8, whatever encoding they name.

Django takes any codec of Python's that a Content-Type names, and reads the query by it
as soon as there is a request, before any middleware: some of them raise then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.utils.http import parse_header_parameters

MAX_CONTENT_TYPE = 500
"""Characters. Reading the parameters takes time quadratic in the length."""


class Utf8(HttpRequest):
    """The name is kept in ``content_params``; CharsetMiddleware judges it."""

    def _set_content_type_params(self, meta: Mapping[str, Any]) -> None:
        sent = meta.get("CONTENT_TYPE", "")
        try:
            if len(sent) > MAX_CONTENT_TYPE:
                raise ValueError("too long")
            self.content_type, self.content_params = parse_header_parameters(sent)
        except (LookupError, ValueError):
            # Too long, or a parameter in an encoding of its own (RFC 2231) that cannot
            # be read: a body of no known type, which each page and endpoint refuses by
            # its rules.
            self.content_type, self.content_params = "", {}


class Utf8WSGIRequest(Utf8, WSGIRequest):
    pass


class Utf8ASGIRequest(Utf8, ASGIRequest):
    pass
