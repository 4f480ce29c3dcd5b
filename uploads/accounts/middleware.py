"""What concerns accounts in every request: the second factor, and who was here when."""

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
from django.utils import timezone
from django.utils.cache import add_never_cache_headers

from uploads.access import second_factor

logger = structlog.get_logger("slipway.accounts")

GetResponse = Callable[[HttpRequest], HttpResponse]

OPEN_WITHOUT_SECOND_FACTOR = frozenset(
    {"account", "account_reauthenticate", "account_change_password", "sessions-end"}
)
"""Account pages that help to set one up or to close other doors; besides ``mfa_*``."""


class PrivateMiddleware(LoginRequiredMiddleware):
    """Ask who is there for what is not open to everybody, and for nothing else.

    Django's own asks first, for all: with a session's cookie, /healthz would need the
    database.
    """

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., Any],
        view_args: Any,
        view_kwargs: Any,
    ) -> HttpResponseBase | None:
        """Answer in place of the view for strangers who must log in, else None."""
        if not getattr(view_func, "login_required", True):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)


class SecondFactorMiddleware:
    """Take people who must have a second factor to the page where they set it up.

    Pages only: the API asks for itself, since a token needs no second factor. The
    pages of accounts are kept by no cache, since they show secrets.
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
        """Answer in place of the view where something is missing, else None."""
        match = request.resolver_match
        if match is None or not getattr(view, "login_required", True):
            return None
        if "admin" in match.app_names:
            barred = second_factor.bars_admin(request.user)
        else:
            barred = not _is_open(
                match.url_name or ""
            ) and second_factor.bars_everything(request.user)
        return redirect("mfa_index") if barred else None


class LastSeenMiddleware:
    """Keep the list of a person's sessions: from where, by what, when last.

    A row is written when something about the session has changed, otherwise every
    few minutes. It comes after the answer and never spoils it.
    """

    RESOLUTION = timedelta(minutes=5)

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # Where nobody has looked at the session, nobody is known to be there; where
        # something has just failed, the database need not be asked once more.
        is_known = request.session.accessed and request.session.session_key
        if is_known and response.status_code < 500:
            try:
                self._note(request)
            except AnyDatabaseError as error:
                logger.warning("session.not_noted", error=str(error))
        return response

    def _note(self, request: HttpRequest) -> None:
        # A token's user is not whom the session belongs to.
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


def _is_open(url_name: str) -> bool:
    return url_name.startswith("mfa_") or url_name in OPEN_WITHOUT_SECOND_FACTOR
