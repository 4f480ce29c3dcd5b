"""Writes events when a second factor is added, removed or reset, or a code is wrong."""

from __future__ import annotations

from typing import Any

import structlog
from allauth.mfa import signals
from allauth.mfa.models import Authenticator
from django.dispatch import receiver

from uploads.trail.writing import record

logger = structlog.get_logger("slipway.trail")


@receiver(signals.authenticator_added, dispatch_uid="trail.factor_added")
def _added(user: Any, authenticator: Authenticator, **_: Any) -> None:
    _record("factor.added", user, authenticator)


@receiver(signals.authenticator_removed, dispatch_uid="trail.factor_removed")
def _removed(user: Any, authenticator: Authenticator, **_: Any) -> None:
    _record("factor.removed", user, authenticator)


@receiver(signals.authenticator_reset, dispatch_uid="trail.factor_reset")
def _reset(user: Any, authenticator: Authenticator, **_: Any) -> None:
    _record("factor.reset", user, authenticator)


@receiver(signals.authentication_failed, dispatch_uid="trail.factor_failed")
def _failed(user: Any, **_: Any) -> None:
    # Write an event for every wrong code, because this person has entered the right
    # password before. The rate limit of wrong codes also limits these events.
    record("factor.failed", user=user)
    logger.warning("factor.failed", user=user.pk)


def _record(kind: str, user: Any, authenticator: Authenticator) -> None:
    record(kind, user=user, actor=user, detail={"type": authenticator.type})
