"""Where a request comes from, also behind proxies."""

from __future__ import annotations

import ipaddress
import re

from django.conf import settings
from django.http import HttpRequest

_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]+)\](:\d+)?|(?P<v4>[\d.]+):\d+")
"""Some proxies write the port as well: 203.0.113.7:51824, [2001:db8::7]:51824."""


def client_address(request: HttpRequest) -> str:
    """Return the client's IP address, or "" where there is none (a Unix socket).

    Each of the ``TRUSTED_PROXY_COUNT`` proxies in front of the site appends who
    called it to X-Forwarded-For. So the client is that many from the right, and
    whatever it sent itself stands further left. Where the header is shorter than
    that, or holds no address there, the one who is connected counts.
    """
    connected = _address(request.META.get("REMOTE_ADDR", ""))
    count: int = settings.TRUSTED_PROXY_COUNT
    if count < 1:
        return connected
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if len(hops) < count:
        return connected
    return _address(_without_port(hops[-count].strip())) or connected


def _without_port(text: str) -> str:
    found = _WITH_PORT.fullmatch(text)
    return text if found is None else found["v6"] or found["v4"]


def _address(text: str) -> str:
    """Return an address in its one spelling, or "" for what is none.

    A database keeps addresses without the zone that a link-local one comes with,
    and an IPv4 address is the same one over an IPv6 socket.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)
