"""The client's IP address, also behind proxies."""

from __future__ import annotations

import ipaddress
import re

from django.conf import settings
from django.http import HttpRequest

_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]+)\](:\d+)?|(?P<v4>[\d.]+):\d+")
"""Some proxies add the port, for example 203.0.113.7:51824, [2001:db8::7]:51824."""


def client_address(request: HttpRequest) -> str:
    """Return the client's IP address, or "" if it has none (a Unix socket).

    Each of the ``TRUSTED_PROXY_COUNT`` proxies in front of the site appends the
    address of its own client to X-Forwarded-For. So the client's address is entry
    number ``TRUSTED_PROXY_COUNT`` from the right. Entries further left come from the
    client and are ignored. If the header is too short or that entry is no address, the
    address of the connection is returned.
    """
    return forwarded_address(request) or _address(request.META.get("REMOTE_ADDR", ""))


def forwarded_address(request: HttpRequest) -> str:
    """Return the client's address as the trusted proxies tell it, or ""."""
    count: int = settings.TRUSTED_PROXY_COUNT
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if count < 1 or len(hops) < count:
        return ""
    return _address(_without_port(hops[-count].strip()))


def _without_port(text: str) -> str:
    found = _WITH_PORT.fullmatch(text)
    return text if found is None else found["v6"] or found["v4"]


def _address(text: str) -> str:
    """Return the address in canonical form, or "" if ``text`` is not an address.

    The zone of a link-local address is removed, because databases cannot store it. An
    IPv4 address that arrives over an IPv6 socket becomes a plain IPv4 address.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)
