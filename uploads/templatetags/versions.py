"""A tag for the version of the site."""

from __future__ import annotations

from django import template

from uploads import __version__

register = template.Library()


@register.simple_tag
def version() -> str:
    """Return the version of the site. Use it only on pages for operators."""
    return __version__
