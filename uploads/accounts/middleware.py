"""Middleware for accounts: required logins, required second factors, session list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.db import Error as AnyDatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import ResolverMatch
from django.utils import timezone
from django.utils.cache import add_never_cache_headers

from uploads.access import second_factor

logger = structlog.get_logger("slipway.accounts")

GetResponse = Callable[[HttpRequest], HttpResponse]

OPEN_WITHOUT_SECOND_FACTOR = frozenset(
    {"account", "account_reauthenticate", "account_change_password", "sessions-end"}
)
"""Names of URLs that users may open before they set up a required second factor.

Users may also open all URLs whose names start with ``mfa_``.
"""

ADMIN_WITHOUT_SECOND_FACTOR = frozenset({"admin-logout", "admin-password-change"})
"""Names of URLs below ``admin/`` that need no second factor, as they only redirect."""


class PrivateMiddleware(LoginRequiredMiddleware):
    """Requires a login for every view that is not marked with ``login_not_required``.

    Django's own middleware reads the session for every view, also for /healthz. If the
    request has a session cookie, this needs the database. So this middleware reads the
    session only if the view requires a login.
    """

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., Any],
        view_args: Any,
        view_kwargs: Any,
    ) -> HttpResponseBase | None:
        """Return a redirect to the login page for anonymous users, else None."""
        if not getattr(view_func, "login_required", True):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)


class SecondFactorMiddleware:
    """Redirects users without a required second factor to the page for setting it up.

    The middleware checks pages only. The API makes its own check in ``api/auth.py``,
    because tokens need no second factor. The middleware also forbids browsers to cache
    account pages, because these pages show secrets.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        match = request.resolver_match
        if match is not None and match.route.startswith("accounts/"):
            add_never_cache_headers(response)
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Return a redirect if the user lacks a factor for this view, else None."""
        match = request.resolver_match
        if match is None or not getattr(view, "login_required", True):
            return None
        if _is_admin(match):
            barred = second_factor.bars_admin(request.user)
        else:
            barred = not _is_open(
                match.url_name or ""
            ) and second_factor.bars_everything(request.user)
        return redirect("mfa_index") if barred else None


class LastSeenMiddleware:
    """Records address, browser and last use of each session for the account page.

    The middleware writes the session's row if the address or the browser has changed,
    or if the row is older than RESOLUTION. It writes after the view has returned. A
    database error at this point does not change the response.
    """

    RESOLUTION = timedelta(minutes=5)

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # Skip requests that did not read the session, so that they need no database.
        # Skip failed requests, because a database outage may have caused the failure.
        is_known = request.session.accessed and request.session.session_key
        if is_known and response.status_code < 500:
            try:
                self._note(request)
            except AnyDatabaseError as error:
                logger.warning("session.not_noted", error=str(error))
        return response

    def _note(self, request: HttpRequest) -> None:
        # A request with a token may also have the session cookie of another user.
        if request.session.get(SESSION_KEY) != str(request.user.pk):
            return
        agent = UserSession._meta.get_field("user_agent")  # noqa: SLF001  Django's API
        recent = UserSession.objects.filter(
            session_key=request.session.session_key,
            user_id=request.user.pk,
            ip=get_adapter().get_client_ip(request),
            user_agent=request.headers.get("User-Agent", "")[: agent.max_length],
            last_seen_at__gt=timezone.now() - self.RESOLUTION,
        )
        if not recent.exists():
            UserSession.objects.create_from_request(request)


def _is_admin(match: ResolverMatch) -> bool:
    """Return whether the URL is below ``admin/`` and may need a second factor."""
    is_below = match.route.startswith("admin/")
    return is_below and match.url_name not in ADMIN_WITHOUT_SECOND_FACTOR


def _is_open(url_name: str) -> bool:
    return url_name.startswith("mfa_") or url_name in OPEN_WITHOUT_SECOND_FACTOR
