"""Decide which accounts need a second factor, and which accounts have one."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings


def is_set_up(user: Any) -> bool:
    """Return whether the account has a second factor, so that a login needs it.

    Recovery codes are no second factor, because they only replace a lost factor.
    """
    factors = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    mine = Authenticator.objects.filter(user_id=user.pk, type__in=factors)
    return bool(mine.exists())


def is_required(user: Any) -> bool:
    """Return whether TWO_FACTOR_REQUIRED demands a second factor of this account."""
    match settings.TWO_FACTOR_REQUIRED:
        case "all":
            return True
        case "staff":
            return bool(user.is_staff)
        case _:
            return False


def bars_admin(user: Any) -> bool:
    """Return whether the account may not use the admin until it has a second factor."""
    return is_required(user) and not is_set_up(user)


def bars_everything(user: Any) -> bool:
    """Return whether the account may do nothing until it has a second factor."""
    return settings.TWO_FACTOR_REQUIRED == "all" and not is_set_up(user)
