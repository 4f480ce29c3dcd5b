"""Answers questions about the host in the URL of an S3 endpoint."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}


def host_header(endpoint_url: str) -> str:
    """Return the Host header that clients send: without the scheme's default port."""
    parts = urlsplit(endpoint_url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    if parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)}:
        return host
    return f"{host}:{parts.port}"


def is_address(host: str) -> bool:
    """Return whether ``host`` is an IP address. IP addresses cannot have subdomains."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
