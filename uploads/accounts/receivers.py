"""Receivers of allauth's signals about logins and second factors."""

from __future__ import annotations

from typing import Any

from allauth.account.signals import authentication_step_completed
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added
from allauth.usersessions.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.dispatch import receiver
from django.http import HttpRequest

from uploads.access.login_guard import give_back


@receiver(authenticator_added, dispatch_uid="uploads.end_weaker_sessions")
def end_weaker_sessions(
    request: HttpRequest, user: Any, authenticator: Authenticator, **_: Any
) -> None:
    """Log out the user's other browsers, because they logged in without this factor."""
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        return
    others = UserSession.objects.filter(user_id=user.pk)
    get_adapter().end_sessions(
        list(others.exclude(session_key=request.session.session_key))
    )


@receiver(authentication_step_completed, dispatch_uid="uploads.password_was_right")
def password_was_right(request: HttpRequest, method: str, **_: Any) -> None:
    """Undo the rate limit's count of a login attempt after a correct password.

    The signal ``user_logged_in`` is not sufficient. If the user has a second factor,
    Django sends the signal only after the second step. If a logged-in user confirms the
    password, Django does not send the signal.
    """
    if method == "password":
        give_back(request)
