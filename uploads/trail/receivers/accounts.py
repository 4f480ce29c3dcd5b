"""Accounts: made, changed, given another password, deleted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import is_password_usable
from django.db.models.signals import post_delete, post_save, pre_save
from django.dispatch import receiver

from uploads.trail.receivers.changes import changes, remember
from uploads.trail.receivers.requests import acting
from uploads.trail.writing import record

WATCHED = ("username", "email", "is_active", "is_staff", "is_superuser", "password")
UNTOLD = ("email", "password")
"""That they changed is written, never what they were or are."""


@receiver(pre_save, sender=settings.AUTH_USER_MODEL, dispatch_uid="witness.was")
def _will_be_saved(instance: Any, raw: bool, update_fields: Any, **_: Any) -> None:
    if not raw:
        remember(instance, WATCHED, update_fields)


@receiver(post_save, sender=settings.AUTH_USER_MODEL, dispatch_uid="witness.account")
def _saved(
    instance: Any, created: bool, raw: bool, update_fields: Any, **_: Any
) -> None:
    if raw:
        return
    if created:
        rights = [name for name in ("is_staff", "is_superuser") if _has(instance, name)]
        detail = {"rights": rights} if rights else None
        record("account.created", user=instance, actor=acting(), detail=detail)
        return
    changed = changes(instance, untold=UNTOLD)
    if changed.pop("password", None) and not _is_rehash(instance, update_fields):
        record("account.password_set", user=instance, actor=acting())
    if changed:
        record("account.changed", user=instance, actor=acting(), detail=changed)


@receiver(post_delete, sender=settings.AUTH_USER_MODEL, dispatch_uid="witness.gone")
def _account_deleted(instance: Any, **_: Any) -> None:
    # By its number: its name is what whoever asked to be forgotten wants gone.
    record("account.deleted", actor=acting(), detail={"account": instance.pk})


def _has(account: Any, right: str) -> bool:
    return bool(getattr(account, right, False))


def _is_rehash(account: Any, update_fields: Iterable[str] | None) -> bool:
    """Return whether a login has only hashed the same password in a newer way."""
    return (
        set(update_fields or ()) == {"password"}
        and getattr(account, "_password", None) is None
        and is_password_usable(account.password)
    )
