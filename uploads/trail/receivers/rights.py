"""Writes events when accounts or groups get or lose permissions or memberships."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.db.models import Model
from django.db.models.signals import m2m_changed
from django.dispatch import receiver

from uploads.trail.receivers.requests import current_account
from uploads.trail.writing import record

VERBS = {"post_add": "added", "post_remove": "removed", "pre_clear": "removed"}


@receiver(m2m_changed, sender=User.groups.through, dispatch_uid="trail.groups")
@receiver(m2m_changed, sender=User.user_permissions.through, dispatch_uid="trail.may")
@receiver(m2m_changed, sender=Group.permissions.through, dispatch_uid="trail.group")
def _rights_changed(
    sender: Any,
    instance: Model,
    action: str,
    reverse: bool,
    model: Any,
    pk_set: set[Any] | None,
    **_: Any,
) -> None:
    """Write one event for each account or group that has got or lost rights."""
    if action not in VERBS:
        return
    if action == "pre_clear":
        rows = sender.objects.filter(**{_column(sender, type(instance)): instance.pk})
        pk_set = set(rows.values_list(_column(sender, model), flat=True))
    others = list(model.objects.filter(pk__in=pk_set or ()))
    if not others:
        return
    holders, rights = (others, [instance]) if reverse else ([instance], others)
    noun = "groups" if isinstance(rights[0], Group) else "permissions"
    detail = {f"{noun}_{VERBS[action]}": sorted(_name(right) for right in rights)}
    actor = current_account()
    for holder in holders:
        if isinstance(holder, Group):
            group_detail = {"group": holder.name, **detail}
            record("group.changed", actor=actor, detail=group_detail)
        else:
            record("account.changed", user=holder, actor=actor, detail=detail)


def _column(through: Any, model: Any) -> str:
    """Return the column of the ``through`` table that points to ``model``."""
    columns = through._meta.get_fields()  # noqa: SLF001  Django's documented API
    return str(next(f.attname for f in columns if f.related_model is model))


def _name(right: Any) -> str:
    if isinstance(right, Permission):
        return f"{right.content_type.app_label}.{right.codename}"
    return str(right)
