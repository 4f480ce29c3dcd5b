"""Limits wrong passwords for each account and each client address."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from uploads.access import rates
from uploads.access.addresses import client_address


class LoginGuard:
    """The first of AUTHENTICATION_BACKENDS. It only counts attempts.

    Every call of ``authenticate`` with a password runs this backend first: calls by our
    pages, by the admin, and by libraries. The attempt is counted before the password is
    checked, so concurrent guesses cannot exceed the limit. Names that do not exist are
    counted too. A successful login is not counted in the end.
    """

    @sensitive_variables("credentials")
    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        """Return None, so the next backends decide.

        Raises RateLimited, which ends the request with 429.
        """
        if "password" not in credentials:
            return
        named = (get_user_model().USERNAME_FIELD, "username", "email")
        name = next((str(credentials[n]) for n in named if credentials.get(n)), "")
        address = "" if request is None else client_address(request)
        spent = rates.login_payers(name, address)
        rates.spend("login", *spent)
        if request is not None:
            request.login_spent = spent  # type: ignore[attr-defined]


@receiver(user_logged_in, dispatch_uid="uploads.access.login_guard")
def give_back(request: HttpRequest | None, **_: Any) -> None:
    """Undo the count of this request's login attempt, once."""
    # The subjects are not computed again from the user. Otherwise a login without a
    # password (a new account, a passkey) would erase wrong guesses of other people.
    spent = getattr(request, "login_spent", None)
    if request is not None and spent:
        request.login_spent = None  # type: ignore[attr-defined]
        rates.give_back("login", *spent)
