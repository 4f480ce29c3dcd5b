"""Authenticate requests to the API by a bearer token or by a browser's session."""

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
"""Optional header with the primary key of the user whose page sends the request."""

SAFE_METHODS = frozenset({"GET", "HEAD"})


class TokenAuth(HttpBearer):
    """Authenticates by ``Authorization: Bearer <token>``. No CSRF token is needed.

    Ninja calls this class before BrowserAuth. This class refuses a request with an
    invalid token, even if the request also has a valid session. A token with the scope
    read permits only safe methods.
    """

    openapi_description = "An API token."

    def __call__(self, request: HttpRequest) -> Any:
        sent = request.headers.get("Authorization")
        if not sent:
            return None
        # Do not call HttpBearer.__call__, because it logs invalid headers.
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
                "This token has the scope read, which allows only listing and "
                "downloading. Create a token with the scope write."
            )
        request.user = row.user
        return row.user


class BrowserAuth(SessionAuth):
    """Authenticates by the session cookie. Unsafe methods also need ``X-CSRFToken``.

    A tab may stay open after another user has logged in in the same browser. So a page
    sends the id of its user in ``X-Slipway-User``. This class refuses the request if
    the session belongs to another user.
    """

    openapi_description = "The session cookie of a logged-in browser."

    def _get_key(self, request: HttpRequest) -> str | None:
        # Return before the CSRF check, so that anonymous requests get 401 and not 403.
        if not request.user.is_authenticated:
            return None
        if request.headers.get(USER_HEADER, str(request.user.pk)) != str(
            request.user.pk
        ):
            raise NotAuthenticated(
                "Another account uses this browser now. Reload the page."
            )
        if second_factor.bars_everything(request.user):
            raise PermissionDenied(
                "This account needs a second factor before it can be used. "
                f"Set one up at {reverse('mfa_index')}"
            )
        # Set an empty form. Otherwise, Django parses the body to find a CSRF token.
        request.POST = QueryDict()
        try:
            return super()._get_key(request)
        except HttpError as error:
            raise CsrfFailed from error


def caller(request: HttpRequest) -> Any:
    """Return the authenticated user. Raises NotAuthenticated if there is none."""
    if not isinstance(request.user, AbstractBaseUser):
        raise NotAuthenticated
    return request.user
