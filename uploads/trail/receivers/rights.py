"""Rights: groups and permissions that an account, or a group, gains and loses."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.db.models import Model
from django.db.models.signals import m2m_changed
from django.dispatch import receiver

from uploads.trail.receivers.requests import acting
from uploads.trail.writing import record

VERBS = {"post_add": "added", "post_remove": "removed", "pre_clear": "removed"}


@receiver(m2m_changed, sender=User.groups.through, dispatch_uid="witness.groups")
@receiver(m2m_changed, sender=User.user_permissions.through, dispatch_uid="witness.may")
@receiver(m2m_changed, sender=Group.permissions.through, dispatch_uid="witness.group")
def _rights_changed(
    sender: Any,
    instance: Model,
    action: str,
    reverse: bool,
    model: Any,
    pk_set: set[Any] | None,
    **_: Any,
) -> None:
    """Write a line for each account, or group, that gained or lost something."""
    if action not in VERBS:
        return
    if action == "pre_clear":
        rows = sender.objects.filter(**{_column(sender, type(instance)): instance.pk})
        pk_set = set(rows.values_list(_column(sender, model), flat=True))
    others = list(model.objects.filter(pk__in=pk_set or ()))
    if not others:
        return
    holders, given = (others, [instance]) if reverse else ([instance], others)
    what = "groups" if isinstance(given[0], Group) else "permissions"
    detail = {f"{what}_{VERBS[action]}": sorted(_named(right) for right in given)}
    for holder in holders:
        if isinstance(holder, Group):
            named = {"group": holder.name, **detail}
            record("group.changed", actor=acting(), detail=named)
        else:
            record("account.changed", user=holder, actor=acting(), detail=detail)


def _column(through: Any, model: Any) -> str:
    """Return the column of a table of pairs that points to ``model``."""
    columns = through._meta.get_fields()  # noqa: SLF001  Django's documented API
    return str(next(f.attname for f in columns if f.related_model is model))


def _named(right: Any) -> str:
    if isinstance(right, Permission):
        return f"{right.content_type.app_label}.{right.codename}"
    return str(right)
