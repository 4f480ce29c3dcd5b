"""The admin's own record of changes, mirrored in the trail."""

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


@receiver(post_save, sender=LogEntry, dispatch_uid="witness.admin")
def _admin_acted(instance: LogEntry, created: bool, raw: bool, **_: Any) -> None:
    """Mirror the admin's own line, which its rows' deletion could take along."""
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
            "changes": _changes_told(instance.change_message),
        },
    )


def _account_of(entry: LogEntry) -> Any:
    """Return the id of the account that the changed object is, or belongs to."""
    try:
        changed = entry.get_edited_object()
    except (ObjectDoesNotExist, AttributeError):
        return None
    if isinstance(changed, get_user_model()):
        return changed.pk
    return getattr(changed, "user_id", None)


def _changes_told(message: str) -> Any:
    """Return the names of the changed fields; older lines are plain words."""
    try:
        return json.loads(message) if message else []
    except ValueError:
        return message
