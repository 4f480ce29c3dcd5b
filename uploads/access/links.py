"""The URL of this site for links in mails.

An attacker may request a mail for another person, with a wrong Host header. The link in
the mail must not lead to the attacker's host. So a link has the host of SITE_URL or a
host in ALLOWED_HOSTS.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port


def site_url(request: HttpRequest) -> str:
    """Return the scheme and host of this site for links, without a trailing slash.

    Return SITE_URL if it is set. Otherwise, use the host of the request, which Django
    has compared with ALLOWED_HOSTS. ALLOWED_HOSTS does not check the port. So the
    result has the port of the request only if this server listens on this port.
    """
    if settings.SITE_URL:
        return str(settings.SITE_URL)
    host, port = split_domain_port(request.get_host())
    if port and port == str(request.META.get("SERVER_PORT", "")):
        host = f"{host}:{port}"
    return f"{request.scheme}://{host}"


def site_name(request: HttpRequest) -> str:
    """Return the host of this site, and its port if the URL of the site has one."""
    return urlsplit(site_url(request)).netloc
