"""What follows from changes to an account."""

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
    """Log out the other browsers: they came in before there was a second factor."""
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        return
    others = UserSession.objects.filter(user_id=user.pk)
    get_adapter().end_sessions(
        list(others.exclude(session_key=request.session.session_key))
    )


@receiver(authentication_step_completed, dispatch_uid="uploads.password_was_right")
def password_was_right(request: HttpRequest, method: str, **_: Any) -> None:
    """Give back what the guess has cost, although a second step may follow.

    Who confirms a password in between never logs in at all.
    """
    if method == "password":
        give_back(request)
