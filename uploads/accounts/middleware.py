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
"""Pages that people without a required second factor may use, besides ``mfa_*``."""


ADMIN_WITHOUT_SECOND_FACTOR = frozenset({"admin-logout", "admin-password-change"})
"""URLs below the admin that lead to pages of the account."""


class PrivateMiddleware(LoginRequiredMiddleware):
    """Requires a login, but reads the session only if the view requires a login.

    Django's own middleware reads it for every view, so /healthz would need the
    database for requests with a session cookie.
    """

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., Any],
        view_args: Any,
        view_kwargs: Any,
    ) -> HttpResponseBase | None:
        """Return the redirect of anonymous users to the login, else None."""
        if not getattr(view_func, "login_required", True):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)


class SecondFactorMiddleware:
    """Redirects users without a required second factor to the page that sets one up.

    It covers pages only. The API checks by itself, because tokens need no second factor.
    Account pages are never cached, because they show secrets.
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
        """Return a redirect if the user needs a second factor for this view, else None."""
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

    A row is written if address or browser changed, otherwise every few minutes. It is
    written after the view, and an error here never changes the response.
    """

    RESOLUTION = timedelta(minutes=5)

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # A session that the view did not read needs no record. After an error, the
        # database may be away, so it is not asked again.
        is_known = request.session.accessed and request.session.session_key
        if is_known and response.status_code < 500:
            try:
                self._note(request)
            except AnyDatabaseError as error:
                logger.warning("session.not_noted", error=str(error))
        return response

    def _note(self, request: HttpRequest) -> None:
        # A request with a token may also carry the session cookie of another user.
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
    """Return whether the URL is part of the admin, also outside of Django's own URLs."""
    is_below = match.route.startswith("admin/")
    return is_below and match.url_name not in ADMIN_WITHOUT_SECOND_FACTOR


def _is_open(url_name: str) -> bool:
    return url_name.startswith("mfa_") or url_name in OPEN_WITHOUT_SECOND_FACTOR
