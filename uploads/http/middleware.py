"""What every request passes: its id and line in the log, what its body may be."""

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
"""More than the largest form of ours or of the admin has, and than S3's notifications."""

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestContextMiddleware:
    """Give each request an id, bind it to all log lines, and log the answer.

    A well-formed X-Request-ID from the proxy is kept, so that lines join up
    across machines. Only the path is logged: a query may hold search words.
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
    """Refuse a body that no page and no endpoint has a use for, before it is read.

    Django's own limit leaves out the files of a form: it would write them to disk,
    whoever sends them, as soon as anything looks at the form. Only the API takes lists
    of files, so the limit of pages and hooks is lower. A body of unknown length is
    refused, because some servers pass it on whole.
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
            detail = "The request does not say how long it is (Content-Length)."
            context = {"detail": detail, "status": 411}
            return render(request, "400.html", context, status=411)
        return self.get_response(request)


class CharsetMiddleware:
    """Let everything be UTF-8, and refuse a form that says that it is not.

    Django's own refusal, where it has one, is a 500 with DEBUG on: it reads the form
    once more. See requests.py for what cannot wait until here.
    """

    FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.encoding is not None:  # by a handler that is not ours
            request.encoding = "utf-8"
        is_form = request.method == "POST" and request.content_type in self.FORMS
        # The API takes no form in any encoding, and says so itself.
        if (
            is_form
            and not request.path.startswith(PREFIX)
            and _is_other_codec((request.content_params or {}).get("charset", ""))
        ):
            detail = "Forms are read as UTF-8, and this one says that it is not."
            return render(request, "400.html", {"detail": detail}, status=400)
        return self.get_response(request)


class NulMiddleware:
    """Refuse an address with NUL in its query, which PostgreSQL takes in no text.

    Nothing of ours makes one, and not all that looks things up by an address, such as
    the filters of Django's admin, asks before it asks the database. A cookie with NUL
    in it, which a quoted one may have, is none: sessions are looked up by theirs.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        for name in [key for key, value in request.COOKIES.items() if "\x00" in value]:
            del request.COOKIES[name]
        # The API says itself which of its fields is wrong.
        if not request.path.startswith(PREFIX) and _has_nul(request):
            detail = "There is a NUL in its address."
            return render(request, "400.html", {"detail": detail}, status=400)
        return self.get_response(request)


def _has_nul(request: HttpRequest) -> bool:
    # An escaped percent sign is %25, so this is NUL and nothing else.
    query = request.META.get("QUERY_STRING", "")
    return "%00" in query or "\x00" in query


def _is_other_codec(name: str) -> bool:
    """Return whether ``name`` is a codec that is not UTF-8; unknown ones say nothing."""
    try:
        return codecs.lookup(name).name != "utf-8"
    except (LookupError, ValueError):
        return False
