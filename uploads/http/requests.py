"""Request classes that always read the query as UTF-8.

Django's own classes decode the query with the encoding in the header Content-Type. The
header can name any codec of Python, and some codecs raise an error. Django decodes the
query when it creates the request, before any middleware runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.utils.http import parse_header_parameters

MAX_CONTENT_TYPE = 500
"""Maximum number of characters of Content-Type. Django parses it in quadratic time."""


class Utf8(HttpRequest):
    """A request that ignores the encoding in the header Content-Type.

    The encoding stays in ``content_params``, so that CharsetMiddleware can refuse forms
    in another encoding.
    """

    def _set_content_type_params(self, meta: Mapping[str, Any]) -> None:
        sent = meta.get("CONTENT_TYPE", "")
        try:
            if len(sent) > MAX_CONTENT_TYPE:
                raise ValueError("too long")
            self.content_type, self.content_params = parse_header_parameters(sent)
        except (LookupError, ValueError):
            # The header is too long, or the encoding of a parameter (RFC 2231) is
            # invalid. Views then see a body of unknown type.
            self.content_type, self.content_params = "", {}


class Utf8WSGIRequest(Utf8, WSGIRequest):
    pass


class Utf8ASGIRequest(Utf8, ASGIRequest):
    pass
