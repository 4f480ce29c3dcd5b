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
    """Log out the other browsers, because they logged in without this factor."""
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        return
    others = UserSession.objects.filter(user_id=user.pk)
    get_adapter().end_sessions(
        list(others.exclude(session_key=request.session.session_key))
    )


@receiver(authentication_step_completed, dispatch_uid="uploads.password_was_right")
def password_was_right(request: HttpRequest, method: str, **_: Any) -> None:
    """Undo the count of this attempt as soon as the password was right.

    A second step may follow, and a confirmation of the password is not a login. So
    the signal for a login would come too late or never.
    """
    if method == "password":
        give_back(request)
