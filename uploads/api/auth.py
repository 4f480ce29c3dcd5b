"""Who is asking: a bearer token, or the session of a logged-in browser."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from ninja.errors import HttpError
from ninja.security import HttpBearer, SessionAuth

from uploads.access import second_factor
from uploads.access.tokens import use_token
from uploads.errors import CsrfFailed, NotAuthenticated, PermissionDenied
from uploads.models import Scope
from uploads.trail.receivers.logins import record_new_address

USER_HEADER = "X-Slipway-User"
"""Whose page it is that asks, by the primary key; optional."""

SAFE_METHODS = frozenset({"GET", "HEAD"})


class TokenAuth(HttpBearer):
    """``Authorization: Bearer <token>``. Tried first, and without CSRF.

    A header that opens nothing is refused at once: it must not fall through to
    whatever session the same browser happens to have. A token of the scope read
    may ask, and change nothing.
    """

    openapi_description = "An API token."

    def __call__(self, request: HttpRequest) -> Any:
        sent = request.headers.get("Authorization")
        if not sent:
            return None
        # Not by HttpBearer's own call: it logs a header that it does not like.
        scheme, _, secret = sent.partition(" ")
        user = (
            self.authenticate(request, secret) if scheme.lower() == "bearer" else None
        )
        if user is None:
            raise NotAuthenticated("The token is unknown, expired or revoked.")
        return user

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        row = use_token(token)
        if row is None:
            return None
        record_new_address(row)
        if row.scope == Scope.READ and request.method not in SAFE_METHODS:
            raise PermissionDenied(
                "This token has the scope read, which lists and downloads only: "
                "make one with the scope write."
            )
        request.user = row.user
        return row.user


class BrowserAuth(SessionAuth):
    """The session cookie, with ``X-CSRFToken`` for everything that changes state.

    A tab that was opened by one person may outlive their session: it says whose it is
    in ``X-Slipway-User``, and is nobody's once another person has logged in.
    """

    openapi_description = "The session cookie of a logged-in browser."

    def _get_key(self, request: HttpRequest) -> str | None:
        # Anonymous comes first: 401 says what to do, 403 would not.
        if not request.user.is_authenticated:
            return None
        if request.headers.get(USER_HEADER, str(request.user.pk)) != str(
            request.user.pk
        ):
            raise NotAuthenticated("Another account is logged in in this browser now.")
        if second_factor.bars_everything(request.user):
            raise PermissionDenied(
                "This account needs a second factor before it can be used. "
                f"Set one up at {reverse('mfa_index')}"
            )
        # Django would look for the token in a form first, and parse the body for that.
        request.POST = QueryDict()
        try:
            return super()._get_key(request)
        except HttpError as error:
            raise CsrfFailed from error


def caller(request: HttpRequest) -> Any:
    """Return the user whom one of the classes above has let in."""
    if not isinstance(request.user, AbstractBaseUser):
        raise NotAuthenticated
    return request.user
