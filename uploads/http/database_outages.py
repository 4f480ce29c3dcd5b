"""What is answered while the database cannot be reached."""

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
    """Answer 503 where a request failed because the database cannot be reached.

    Whatever asked the database: a view, a template, a middleware below this one.
    Django has made a 500 of each by the time it gets here; a signal tells of what.
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
    # Without the request there are no context processors: some of them ask for the
    # user, which is a query.
    context = {"may_repeat": request.method in SAFE_METHODS}
    response = HttpResponse(render_to_string("503.html", context), status=503)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


@receiver(got_request_exception)
def _notice(*, request: HttpRequest | None = None, **_: object) -> None:
    error = sys.exc_info()[1]
    if request is not None:
        # The last one counts: it is the one that Django answers.
        remember_outage(request, error if is_outage(error) else None)


class WithoutOutages(logging.Filter):
    """Leave out what Django says of such a request, traceback and all.

    Every request fails during an outage, and ours has a line already.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return outage_of(getattr(record, "request", None)) is None
