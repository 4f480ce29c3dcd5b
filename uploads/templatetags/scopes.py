"""A filter for the scopes of API tokens."""

from __future__ import annotations

from django import template

from uploads.forms import SCOPES
from uploads.models import Scope

register = template.Library()


@register.filter
def scope_label(scope: str) -> str:
    """Return the label that the form for a new token shows for ``scope``."""
    return SCOPES[Scope(scope)]
