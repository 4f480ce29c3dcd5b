"""What a token may do, in templates."""

from __future__ import annotations

from django import template

from uploads.forms import SCOPES
from uploads.models import Scope

register = template.Library()


@register.filter
def scope_in_words(scope: str) -> str:
    """Return the words that the form for a new token has for a scope."""
    return SCOPES[Scope(scope)]
