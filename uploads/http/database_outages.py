"""Responses while the database cannot be reached."""

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
    """Answers 503 instead of 500 if the database could not be reached.

    The failed query may be in a view, a template, or a middleware below this one.
    Django has turned each error into a 500 before this middleware sees the response.
    The signal ``got_request_exception`` tells which error it was.
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
        # If several errors occurred, the last one counts, because Django's response is
        # for it.
        remember_outage(request, error if is_outage(error) else None)


class WithoutOutages(logging.Filter):
    """Drops the log record that Django writes for a request that failed by an outage.

    Every request fails then, and this package has already logged one line.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return outage_of(getattr(record, "request", None)) is None
