"""Return 503 while the database cannot be reached."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from django.core.signals import got_request_exception
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from uploads.api.problems import PREFIX, RETRY_AFTER_SECONDS, database_down
from uploads.outages import is_outage, log_outage, outage_of, remember_outage

SAFE_METHODS = frozenset({"GET", "HEAD"})


class OutageMiddleware:
    """Replaces a 500 by a 503 if the database could not be reached.

    The failed query may be in a view, a template, or a middleware that runs later.
    Before this middleware gets the response, Django has converted the error to a 500.
    So ``_notice`` receives Django's signal about the error, and stores the error on the
    request.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        error = outage_of(request)
        if error is None or response.status_code != 500:
            return response
        if request.path.startswith(PREFIX):
            return database_down(request, error)
        log_outage(error)
        return _page(request)


def _page(request: HttpRequest) -> HttpResponse:
    # The template gets no request, so no context processors run. Some of them load the
    # user, which would query the database again.
    context = {"may_repeat": request.method in SAFE_METHODS}
    response = HttpResponse(render_to_string("503.html", context), status=503)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


@receiver(got_request_exception)
def _notice(*, request: HttpRequest | None = None, **_: object) -> None:
    error = sys.exc_info()[1]
    if request is not None:
        # If several errors occur, store only the last error, because Django's response
        # is about the last error.
        remember_outage(request, error if is_outage(error) else None)


class WithoutOutages(logging.Filter):
    """Drops Django's log record of a request that failed because of a database outage.

    During an outage, many requests fail. For each of them, this package logs one line
    without a traceback.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return outage_of(getattr(record, "request", None)) is None
