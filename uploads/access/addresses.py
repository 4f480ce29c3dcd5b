"""Find the IP address of the client, also if proxies forward its requests."""

from __future__ import annotations

import ipaddress
import re

from django.conf import settings
from django.http import HttpRequest

_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]+)\](:\d+)?|(?P<v4>[\d.]+):\d+")
"""Matches an address with a port, such as 203.0.113.7:51824.

Some proxies send the port in X-Forwarded-For.
"""


def client_address(request: HttpRequest) -> str:
    """Return the client's IP address, or "" if the connection is a Unix socket.

    The setting ``TRUSTED_PROXY_COUNT`` is the number of proxies in front of the site.
    Each proxy appends the address of its own client to X-Forwarded-For. So the client's
    address is entry number ``TRUSTED_PROXY_COUNT`` from the right. Entries further left
    come from the client and are ignored. If the header has no such entry, or if the
    entry is not an address, the function returns the address of the connection.
    """
    return forwarded_address(request) or _address(request.META.get("REMOTE_ADDR", ""))


def forwarded_address(request: HttpRequest) -> str:
    """Return the client's address from X-Forwarded-For, or "" if there is none."""
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

    Remove the zone of a link-local address, such as ``%eth0``, because databases cannot
    store it. Convert an IPv4 address of an IPv6 socket, such as ``::ffff:203.0.113.7``,
    to a plain IPv4 address.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)
