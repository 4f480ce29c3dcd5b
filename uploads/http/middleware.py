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
"""More than any form of the site or the admin and any S3 notification needs."""

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestContextMiddleware:
    """Gives each request an id, adds the id to all its log lines, logs the response.

    A well-formed X-Request-ID of the proxy is kept, so that the logs of several machines
    can be joined. Only the path is logged, because a query may hold search words.
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

    Django's own limit ignores files in a form, and writes them to disk as soon as any
    code reads the form. Only the API accepts lists of files, so pages and hooks have a
    lower limit. A body of unknown length is refused, because some servers pass it on
    without a limit.
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
            detail = "The request has no Content-Length header. Send it with one."
            context = {"detail": detail, "status": 411}
            return render(request, "400.html", context, status=411)
        return self.get_response(request)


class CharsetMiddleware:
    """Reads all requests as UTF-8, and refuses a form that declares another encoding.

    Django's own refusal is a 500 if DEBUG is on, because it reads the form again. The
    query is handled in requests.py, because Django reads it before any middleware.
    """

    FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.encoding is not None:  # set by a foreign WSGI or ASGI handler
            request.encoding = "utf-8"
        is_form = request.method == "POST" and request.content_type in self.FORMS
        # The API accepts no forms at all, and has an error message of its own.
        if (
            is_form
            and not request.path.startswith(PREFIX)
            and _is_other_codec((request.content_params or {}).get("charset", ""))
        ):
            detail = (
                "This form declares an encoding other than UTF-8. Send it as UTF-8."
            )
            return render(request, "400.html", {"detail": detail}, status=400)
        return self.get_response(request)


class NulMiddleware:
    """Refuses a query with a NUL character, and drops cookies with one.

    PostgreSQL accepts no NUL in text, and some code, such as the filters of Django's
    admin, passes values of the query to the database unchecked. The session key in a
    cookie is also used in a database query.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        for name in [key for key, value in request.COOKIES.items() if "\x00" in value]:
            del request.COOKIES[name]
        # The API has an error message of its own that names the field.
        if not request.path.startswith(PREFIX) and _has_nul(request):
            detail = "The address contains a NUL character (%00). Remove it."
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
