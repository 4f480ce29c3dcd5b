"""Filters of the admin's first page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.utils.safestring import SafeString

from uploads.admin.presenting import age, bar, size

register = template.Library()


@register.filter
def thousands(number: int) -> str:
    """Return a number with separators, such as ``1,234``."""
    return f"{number:,}"


@register.filter
def ago(moment: datetime) -> SafeString:
    """Return the time since ``moment``, with the full date as a tooltip."""
    return age(moment)


@register.filter
def filesize(byte_size: int) -> SafeString:
    """Return a rounded size, with the exact number of bytes as a tooltip."""
    return size(byte_size)


@register.filter
def quota_bar(quota: Any) -> SafeString:
    """Return the bytes of a quota as text and as a bar."""
    return bar(quota.used_bytes, quota.reserved_bytes, quota.most_bytes)
