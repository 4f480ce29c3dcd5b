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
    """The first backend in AUTHENTICATION_BACKENDS. It only counts login attempts.

    Django calls this backend before all others for every login with a password. So an
    attempt is counted before its password is checked, and concurrent guesses cannot
    exceed the limit. Attempts with unknown names are counted too. After a successful
    login, ``give_back`` undoes the count.
    """

    @sensitive_variables("credentials")
    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        """Count the attempt. Return None, so that Django calls the next backend.

        Raises RateLimited, which the middleware converts to a response with status 429.
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
    """Undo the count of this request's login attempt. A second call does nothing."""
    # Use the subjects that ``authenticate`` stored, and do not compute them from the
    # user. Otherwise, a login without a password (a new account, a passkey) would undo
    # counts of wrong guesses by other people.
    spent = getattr(request, "login_spent", None)
    if request is not None and spent:
        request.login_spent = None  # type: ignore[attr-defined]
        rates.give_back("login", *spent)
