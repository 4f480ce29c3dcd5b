"""Middleware for every request: request id, log line, limits on body and encoding."""

from __future__ import annotations

import codecs
import re
import time
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from uploads.access.addresses import client_address
from uploads.api.paying import announced_bytes
from uploads.api.problems import PREFIX
from uploads.http.logs import without_secrets
from uploads.metrics.counting import count_request

logger = structlog.get_logger("slipway.request")

MAX_FORM_BYTES = 256 * 1024
"""Maximum size of a request body outside of the API.

All forms of the site and of the admin, and all S3 notifications, are smaller.
"""

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestContextMiddleware:
    """Gives each request an id, adds the id to all its log lines, logs the response.

    If the proxy sends a well-formed X-Request-ID, the request gets this id. So
    operators can find a request in the logs of the proxy and of this site. The log has
    the path without the query, because a query may contain search words.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        sent = request.headers.get("X-Request-ID", "")
        request_id = sent if REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(
            request_id=request_id, address=client_address(request)
        )
        started = time.monotonic()
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        seconds = time.monotonic() - started
        match = request.resolver_match
        count_request(
            match.view_name if match else None,
            method=request.method or "",
            status=response.status_code,
            seconds=seconds,
        )
        logger.info(
            "request",
            method=request.method,
            path=without_secrets(request.path),
            status=response.status_code,
            request_bytes=announced_bytes(request),
            milliseconds=round(seconds * 1000),
        )
        return response


class BodyLimitMiddleware:
    """Refuses a request body that is too long, before the body is read.

    Django's own limit ignores files in a form. Django writes such files to disk as soon
    as any code reads the form. Pages and hooks have a lower limit than the API, because
    only the API accepts lists of uploads. A body without Content-Length is refused,
    because some web servers do not limit its length.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_api = request.path.startswith(PREFIX)
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE if is_api else MAX_FORM_BYTES
        if announced_bytes(request) > limit:
            return render(request, "413.html", status=413)
        if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get(
            "CONTENT_LENGTH"
        ):
            detail = (
                "The request has no Content-Length header. Send the request with this "
                "header."
            )
            context = {"detail": detail, "status": 411}
            return render(request, "400.html", context, status=411)
        return self.get_response(request)


class CharsetMiddleware:
    """Reads all requests as UTF-8, and refuses a form that declares another encoding.

    Without this middleware, Django itself refuses such a form. But if DEBUG is on, the
    response is a 500, because Django's error page reads the form again. Django decodes
    the query before any middleware runs, so requests.py has the code for the query.
    """

    FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.encoding is not None:  # set by Django's own request classes
            request.encoding = "utf-8"
        is_form = request.method == "POST" and request.content_type in self.FORMS
        # Skip the API. It accepts no forms and has its own error message.
        if (
            is_form
            and not request.path.startswith(PREFIX)
            and _is_other_codec((request.content_params or {}).get("charset", ""))
        ):
            detail = "This form declares an encoding other than UTF-8. Send the form as UTF-8."
            return render(request, "400.html", {"detail": detail}, status=400)
        return self.get_response(request)


class NulMiddleware:
    """Refuses a request with a NUL character in its query. Drops cookies with NUL.

    PostgreSQL accepts no NUL in text. Some code, such as the filters of Django's admin,
    passes values of the query to the database unchecked. Django also passes the session
    key in a cookie to the database.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        for name in [key for key, value in request.COOKIES.items() if "\x00" in value]:
            del request.COOKIES[name]
        # Skip the API. It has its own error message, which names the field.
        if not request.path.startswith(PREFIX) and _has_nul(request):
            detail = (
                "The address contains a NUL character (%00). Remove this character."
            )
            return render(request, "400.html", {"detail": detail}, status=400)
        return self.get_response(request)


def _has_nul(request: HttpRequest) -> bool:
    # An escaped percent sign is %25, so %00 always means NUL.
    query = request.META.get("QUERY_STRING", "")
    return "%00" in query or "\x00" in query


def _is_other_codec(name: str) -> bool:
    """Return whether ``name`` is a known codec other than UTF-8."""
    try:
        return codecs.lookup(name).name != "utf-8"
    except (LookupError, ValueError):
        return False
