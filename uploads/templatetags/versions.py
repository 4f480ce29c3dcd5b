"""The version of the site in templates."""

from __future__ import annotations

from django import template

from uploads import __version__

register = template.Library()


@register.simple_tag
def version() -> str:
    """Return the version. Only operators may see it."""
    return __version__
