"""Writes an audit event when an account is created, changed or deleted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import is_password_usable
from django.db.models.signals import post_delete, post_save, pre_save
from django.dispatch import receiver

from uploads.trail.receivers.changes import changes, remember_stored_values
from uploads.trail.receivers.requests import current_account
from uploads.trail.writing import record

WATCHED = ("username", "email", "is_active", "is_staff", "is_superuser", "password")
CONFIDENTIAL = ("email", "password")
"""Fields whose values are never in an event. An event only names a changed field."""


@receiver(pre_save, sender=settings.AUTH_USER_MODEL, dispatch_uid="trail.before_save")
def _before_save(instance: Any, raw: bool, update_fields: Any, **_: Any) -> None:
    if not raw:
        remember_stored_values(instance, WATCHED, update_fields)


@receiver(post_save, sender=settings.AUTH_USER_MODEL, dispatch_uid="trail.account")
def _saved(
    instance: Any, created: bool, raw: bool, update_fields: Any, **_: Any
) -> None:
    if raw:
        return
    if created:
        rights = [name for name in ("is_staff", "is_superuser") if _has(instance, name)]
        detail = {"rights": rights} if rights else None
        record("account.created", user=instance, actor=current_account(), detail=detail)
        return
    changed = changes(instance, confidential=CONFIDENTIAL)
    if changed.pop("password", None) and not _is_rehash(instance, update_fields):
        record("account.password_set", user=instance, actor=current_account())
    if changed:
        record(
            "account.changed", user=instance, actor=current_account(), detail=changed
        )


@receiver(post_delete, sender=settings.AUTH_USER_MODEL, dispatch_uid="trail.deleted")
def _account_deleted(instance: Any, **_: Any) -> None:
    # Write only the id, because the name must not stay in the trail after an erasure.
    record("account.deleted", actor=current_account(), detail={"account": instance.pk})


def _has(account: Any, right: str) -> bool:
    return bool(getattr(account, right, False))


def _is_rehash(account: Any, update_fields: Iterable[str] | None) -> bool:
    """Return whether a login has only stored the same password with a newer hasher."""
    return (
        set(update_fields or ()) == {"password"}
        and getattr(account, "_password", None) is None
        and is_password_usable(account.password)
    )
