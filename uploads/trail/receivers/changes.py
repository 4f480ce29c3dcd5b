"""What a save changes: what is stored before it, compared with what is after it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any


def remember(
    instance: Any, names: Collection[str], update_fields: Collection[str] | None
) -> None:
    """Keep the stored values of ``names``, as far as the save writes them."""
    written = set(names) if update_fields is None else set(names) & set(update_fields)
    instance.witnessed = {}
    if written and instance.pk is not None:
        stored = type(instance).objects.filter(pk=instance.pk)
        instance.witnessed = stored.values(*sorted(written)).first() or {}


def changes(instance: Any, *, untold: Collection[str] = ()) -> dict[str, Any]:
    """Return what was and what is, of each remembered field that changed.

    Of those in ``untold``, only that they changed.
    """
    return {
        name: True if name in untold else {"from": was, "to": getattr(instance, name)}
        for name, was in getattr(instance, "witnessed", {}).items()
        if was != getattr(instance, name)
    }
