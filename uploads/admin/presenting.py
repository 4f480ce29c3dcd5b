"""Format values for the admin: ages, sizes, links and quota bars."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from uploads.text.sizes import format_bytes


def age(moment: datetime) -> SafeString:
    """Return the time since ``moment``, with the full date as a tooltip."""
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        date_format(local, "DATETIME_FORMAT"),
        timesince(moment, depth=1),
    )


def size(byte_size: int) -> SafeString:
    """Return a rounded size, with the exact number of bytes as a tooltip."""
    return format_html(
        '<span class="size" title="{} bytes">{}</span>',
        f"{byte_size:,}",
        format_bytes(byte_size),
    )


def link(url_name: str, words: Any, *args: Any, query: str = "") -> SafeString:
    """Return a link to a page of this admin. ``query`` must be URL-encoded."""
    address = reverse(f"admin:{url_name}", args=args)
    return format_html('<a href="{}{}">{}</a>', address, query, words)


def bar(used: int, reserved: int, limit: int) -> SafeString:
    """Return a quota as text and as a bar with a used and a reserved section.

    The bar is an SVG image, because SVG elements have attributes for their sizes. HTML
    elements would need inline styles, which the Content Security Policy forbids.
    """
    whole = max(limit, used + reserved, 1)
    used_share = round(100 * used / whole, 1)
    reserved_share = round(100 * reserved / whole, 1)
    words = f"{format_bytes(used + reserved)} of {format_bytes(limit)}"
    return format_html(
        '<svg class="quota-bar{}" role="img" aria-label="{}" width="160" height="8">'
        '<rect class="quota-bar-room" width="100%" height="8" rx="4"></rect>'
        '<rect class="quota-bar-used" width="{}%" height="8" rx="4"></rect>'
        '<rect class="quota-bar-reserved" x="{}%" width="{}%" height="8"></rect>'
        '</svg> <span class="quota-words">{} ({}%)</span>',
        " quota-bar-full" if used + reserved >= limit else "",
        words,
        used_share,
        used_share,
        reserved_share,
        words,
        round(100 * (used + reserved) / limit) if limit else 100,
    )
