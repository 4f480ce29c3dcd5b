"""Contains functions on host names and URLs. They send no requests."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


def site_of(host: str) -> str:
    """Return the registered domain of ``host``, such as example.com.

    The function guesses from the number and the lengths of the labels, the parts
    between the dots. An IP address is returned unchanged.
    """
    if is_address(host):
        return host
    labels = host.split(".")
    is_second_level = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3
    return ".".join(labels[-3:] if is_second_level else labels[-2:])


def is_unencrypted(url: str) -> bool:
    """Return whether requests to ``url`` are sent over a network without TLS."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    """Return whether ``host`` names this machine, such as localhost or 127.0.0.1."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    return is_address(host) and ipaddress.ip_address(host).is_loopback


def is_address(host: str | None) -> bool:
    """Return whether ``host`` is an IP address. Return False for a host name."""
    try:
        ipaddress.ip_address(host or "")
    except ValueError:
        return False
    return True


def host_header(url: str) -> str:
    """Return the Host header that clients send. It omits the scheme's default port."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    if parts.port in {None, DEFAULT_PORTS.get(parts.scheme)}:
        return host
    return f"{host}:{parts.port}"
