"""URLs, host names and network addresses, for the doctor's questions."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import urlsplit

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
    """Return the host name of a URL, lower case."""
    return (urlsplit(url).hostname or "").lower()


def masked(url: str) -> str:
    """Return a URL without its user name and password."""
    return re.sub(r"//[^/@]*@", "//***@", url)


def resolve(host: str) -> list[str]:
    """Return the network addresses of a host. Raises OSError."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return sorted({str(entry[4][0]) for entry in found})


def resolved(host: str) -> list[str]:
    """Return the network addresses of a host, or an empty list on failure."""
    try:
        return resolve(host)
    except (OSError, UnicodeError):
        return []


def is_internal_name(host: str) -> bool:
    """Return whether the name resolves only inside a private network."""
    if is_address(host) or host == "localhost" or host.endswith(".localhost"):
        return False
    return "." not in host or host.endswith(_INTERNAL_ENDINGS)


def is_address(host: str) -> bool:
    """Return whether ``host`` is a network address, not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_public(address: str) -> bool:
    """Return whether the whole internet can reach an address."""
    return ipaddress.ip_address(address.split("%", maxsplit=1)[0]).is_global
