"""Who must have a second factor, and who has none yet."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings


def is_set_up(user: Any) -> bool:
    """Return whether a login to this account asks for more than the password.

    Recovery codes alone do not count: they are the way around a lost factor.
    """
    factors = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    mine = Authenticator.objects.filter(user_id=user.pk, type__in=factors)
    return bool(mine.exists())


def is_required(user: Any) -> bool:
    """Return whether the site wants this account to have a second factor."""
    match settings.TWO_FACTOR_REQUIRED:
        case "all":
            return True
        case "staff":
            return bool(user.is_staff)
        case _:
            return False


def bars_admin(user: Any) -> bool:
    """Return whether the account has to set up a second factor before the admin."""
    return is_required(user) and not is_set_up(user)


def bars_everything(user: Any) -> bool:
    """Return whether the account has to set one up before it can do anything."""
    return settings.TWO_FACTOR_REQUIRED == "all" and not is_set_up(user)
