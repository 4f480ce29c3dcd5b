"""Contains functions for URLs, host names and network addresses."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from uploads.text.hosts import is_address

_INTERNAL_ENDINGS = (
    ".cluster.local",
    ".corp",
    ".docker",
    ".home.arpa",
    ".internal",
    ".intranet",
    ".lan",
    ".local",
    ".svc",
)


def host_of(url: str) -> str:
    """Return the host name of a URL in lower case, or an empty text."""
    return (urlsplit(url).hostname or "").lower()


def resolve(host: str) -> list[str]:
    """Return the network addresses of a host. Raises OSError if DNS has none."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return sorted({str(entry[4][0]) for entry in found})


def resolved(host: str) -> list[str]:
    """Return the network addresses of a host, or an empty list if DNS has none."""
    try:
        return resolve(host)
    except (OSError, UnicodeError):
        return []


def is_internal_name(host: str) -> bool:
    """Return whether a host name is only known in a private network.

    Such names have no dot, or an ending such as ``.internal``. This function sends no
    DNS request. It returns False for names of this machine, such as localhost.
    """
    if is_address(host) or host == "localhost" or host.endswith(".localhost"):
        return False
    return "." not in host or host.endswith(_INTERNAL_ENDINGS)


def is_public(address: str) -> bool:
    """Return whether an IP address belongs to the public internet."""
    return ipaddress.ip_address(address.split("%", maxsplit=1)[0]).is_global
