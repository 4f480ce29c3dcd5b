"""Finds the fields of a model that a save changes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any


def remember_stored_values(
    instance: Any, names: Collection[str], update_fields: Collection[str] | None
) -> None:
    """Store on ``instance`` the database's values of the fields that a save will write.

    ``names`` lists all fields to compare. ``changes`` compares them after the save.
    """
    written = set(names) if update_fields is None else set(names) & set(update_fields)
    instance.values_before_save = {}
    if written and instance.pk is not None:
        stored = type(instance).objects.filter(pk=instance.pk)
        instance.values_before_save = stored.values(*sorted(written)).first() or {}


def changes(instance: Any, *, confidential: Collection[str] = ()) -> dict[str, Any]:
    """Return the fields that changed since ``remember_stored_values``.

    The value of each field is ``{"from": old, "to": new}``, or True if the field is in
    ``confidential``.
    """
    return {
        name: True if name in confidential else {"from": old, "to": new}
        for name, old in getattr(instance, "values_before_save", {}).items()
        if old != (new := getattr(instance, name))
    }
