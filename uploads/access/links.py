"""Links to this site in mails, where the Host header must not choose the address.

Whoever asks for a mail chooses that header, and somebody else opens the link.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port


def site_url(request: HttpRequest) -> str:
    """Return the scheme and host of this site for links, without a slash at the end.

    SITE_URL if it is set. Otherwise the host of the request, which ALLOWED_HOSTS has
    checked, and its port only if this server itself listens on that port.
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
