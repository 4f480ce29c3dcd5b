"""Copies the log entries of Django's admin into the audit trail."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist
from django.db.models.signals import post_save
from django.dispatch import receiver

from uploads.trail.writing import record

KINDS = {
    ADDITION: "admin.added",
    CHANGE: "admin.changed",
    DELETION: "admin.deleted",
}


@receiver(post_save, sender=LogEntry, dispatch_uid="trail.admin")
def _entry_saved(instance: LogEntry, created: bool, raw: bool, **_: Any) -> None:
    """Copy a new entry, because Django deletes the entries of a deleted account."""
    if not created or raw or instance.content_type is None:
        return
    record(
        KINDS.get(instance.action_flag, "admin.changed"),
        user=_account_of(instance),
        actor=instance.user_id,
        detail={
            "model": ".".join(instance.content_type.natural_key()),
            "id": str(instance.object_id),
            "object": instance.object_repr,
            "changes": _parsed_changes(instance.change_message),
        },
    )


def _account_of(entry: LogEntry) -> Any:
    """Return the id of the changed account, or of the changed object's account.

    Returns None if the object is deleted or has no account.
    """
    try:
        changed = entry.get_edited_object()
    except (ObjectDoesNotExist, AttributeError):
        return None
    if isinstance(changed, get_user_model()):
        return changed.pk
    return getattr(changed, "user_id", None)


def _parsed_changes(message: str) -> Any:
    """Return the list of changes in ``message``, or ``message`` if it is not JSON."""
    try:
        return json.loads(message) if message else []
    except ValueError:
        return message
