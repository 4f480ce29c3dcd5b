"""A filter that formats a size in bytes, for pages without JavaScript."""

from __future__ import annotations

from django import template

from uploads.text.sizes import format_bytes

register = template.Library()
register.filter(format_bytes)
