"""Links to this site in mails. The Host header must not choose their address.

The sender of a request chooses that header, but another person opens the link.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port


def site_url(request: HttpRequest) -> str:
    """Return the scheme and host of this site for links, without a trailing slash.

    This is SITE_URL if it is set. Otherwise it is the host of the request, which
    ALLOWED_HOSTS has checked. The port of the request is kept only if this server
    listens on it.
    """
    if settings.SITE_URL:
        return str(settings.SITE_URL)
    host, port = split_domain_port(request.get_host())
    if port and port == str(request.META.get("SERVER_PORT", "")):
        host = f"{host}:{port}"
    return f"{request.scheme}://{host}"


def site_name(request: HttpRequest) -> str:
    """Return the site's address as people write it, without its scheme."""
    return urlsplit(site_url(request)).netloc
