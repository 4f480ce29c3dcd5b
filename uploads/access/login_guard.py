"""Stands before every check of a password, and lets each address guess a few times."""

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
    """The first of AUTHENTICATION_BACKENDS. It knows nobody, and counts.

    Whatever calls ``authenticate`` with a password passes here first, be it our
    page, the admin's or a library's, and pays before any password is looked at:
    guesses made at the same moment cannot slip through together. Names that do not
    exist cost the same. A login that succeeds is given back.
    """

    @sensitive_variables("credentials")
    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        """Return None, which leaves the decision to the backends below.

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
    """Give back what this request's login has cost, once."""
    # Not computed anew from the user: a login that never paid (a new account, a
    # passkey) would then pay for somebody's guesses.
    spent = getattr(request, "login_spent", None)
    if request is not None and spent:
        request.login_spent = None  # type: ignore[attr-defined]
        rates.give_back("login", *spent)
