"""Whose request this is: signals of models do not say."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.http import HttpRequest, HttpResponse

_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)


class WitnessMiddleware:
    """Keeps the request at hand, since signals of models do not carry it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _request.set(request)
        try:
            return self.get_response(request)
        finally:
            _request.reset(token)


def acting() -> Any:
    """Return the account whose request this is; None for nobody's, and for commands."""
    user = getattr(_request.get(), "user", None)
    return user if user is not None and user.is_authenticated else None
