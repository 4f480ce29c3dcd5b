"""Checks whether a Content-Security-Policy allows requests to an origin."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from uploads.text.hosts import DEFAULT_PORTS


def sources_of(policy: str, directive: str) -> list[str] | None:
    """Return the allowed sources of a directive.

    If the policy lacks the directive, returns the sources of default-src. Returns None
    if the policy lacks both.
    """
    found: dict[str, list[str]] = {}
    for part in policy.split(";"):
        name, *values = part.split() or [""]
        found.setdefault(name.lower(), values)
    return found.get(directive, found.get("default-src"))


def allows(sources: Sequence[str], origin: str, page: str) -> bool:
    """Return whether ``sources`` allow ``origin`` for a page of the origin ``page``."""
    return any(_matches(source.lower(), origin, page) for source in sources)


def _matches(source: str, origin: str, page: str) -> bool:
    wanted = urlsplit(origin)
    if source == "'self'":
        return origin == page
    if source == "*":
        return wanted.scheme in DEFAULT_PORTS
    if source.endswith(":") and "/" not in source:
        return _scheme_fits(source[:-1], wanted.scheme)
    scheme, _, rest = source.rpartition("://")
    place = rest.split("/")[0]
    host, _, port = place.partition(":")
    if not _scheme_fits(scheme or urlsplit(page).scheme, wanted.scheme):
        return False
    own_port = wanted.port or DEFAULT_PORTS.get(wanted.scheme, 0)
    if port not in {"*", str(own_port)} and not (
        not port and own_port in {80, 443, DEFAULT_PORTS.get(scheme, 0)}
    ):
        return False
    if host.startswith("*."):
        return (wanted.hostname or "").endswith(host[1:])
    return host == wanted.hostname


def _scheme_fits(allowed: str, wanted: str) -> bool:
    return allowed == wanted or (allowed, wanted) == ("http", "https")
