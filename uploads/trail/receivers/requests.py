"""Stores the current request, because receivers of model signals do not get it."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.http import HttpRequest, HttpResponse

_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)


class CurrentRequestMiddleware:
    """Stores the request for ``current_account`` until the response is ready."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _request.set(request)
        try:
            return self.get_response(request)
        finally:
            _request.reset(token)


def current_account() -> Any:
    """Return the account that is logged in in the current request.

    Returns None if nobody is logged in, and in management commands, which have no
    request.
    """
    user = getattr(_request.get(), "user", None)
    return user if user is not None and user.is_authenticated else None
