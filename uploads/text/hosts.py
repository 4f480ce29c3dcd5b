"""Pure functions on host names and URLs."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def site_of(host: str) -> str:
    """Return the registered domain of ``host``, approximately."""
    if is_address(host):
        return host
    labels = host.split(".")
    is_second_level = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3
    return ".".join(labels[-3:] if is_second_level else labels[-2:])


def is_unencrypted(url: str) -> bool:
    """Return whether requests to ``url`` cross a network unencrypted."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    """Return whether ``host`` is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    return is_address(host) and ipaddress.ip_address(host).is_loopback


def is_address(host: str | None) -> bool:
    """Return whether ``host`` is an IP address."""
    try:
        ipaddress.ip_address(host or "")
    except ValueError:
        return False
    return True
