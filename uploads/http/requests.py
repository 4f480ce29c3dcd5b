"""Request classes that read the query as UTF-8, whatever encoding the client names.

Django decodes the query with any Python codec that Content-Type names. It does so when
the request is created, before any middleware runs, and some codecs raise an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.utils.http import parse_header_parameters

MAX_CONTENT_TYPE = 500
"""Characters. Django parses the parameters in quadratic time."""


class Utf8(HttpRequest):
    """Ignores the encoding; ``content_params`` keeps it for CharsetMiddleware."""

    def _set_content_type_params(self, meta: Mapping[str, Any]) -> None:
        sent = meta.get("CONTENT_TYPE", "")
        try:
            if len(sent) > MAX_CONTENT_TYPE:
                raise ValueError("too long")
            self.content_type, self.content_params = parse_header_parameters(sent)
        except (LookupError, ValueError):
            # The header is too long, or a parameter has an encoding (RFC 2231) that
            # cannot be read. Views treat the body as a body of unknown type.
            self.content_type, self.content_params = "", {}


class Utf8WSGIRequest(Utf8, WSGIRequest):
    pass


class Utf8ASGIRequest(Utf8, ASGIRequest):
    pass
