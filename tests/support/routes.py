"""Find the paths of all routes of the site, for tests that request each of them."""

from __future__ import annotations

import re
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver


def all_paths() -> list[str]:
    """Return the paths of all routes with test arguments, without the first slash."""
    return _paths(get_resolver().url_patterns, "")


def _paths(patterns: list[Any], prefix: str) -> list[str]:
    found: list[str] = []
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found += _paths(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            found.append(_filled(route))
    return found


def _filled(route: str) -> str:
    route = re.sub(r"<uuid:\w+>", "6d1f0a52-0c41-4a86-9d3f-0d6a2d1f5d11", route)
    route = re.sub(r"\(\?P<\w+>[^)]*\)", "x", route)
    route = re.sub(r"<[^>]+>", "x", route)
    return route.replace("^", "").replace("$", "").replace("\\", "")
