"""The headers that every answer carries and that Django has no setting for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from csp.middleware import CSPMiddleware, PolicyParts
from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

GetResponse = Callable[[HttpRequest], HttpResponse]

UNUSED_FEATURES = (
    "accelerometer",
    "autoplay",
    "browsing-topics",
    "camera",
    "display-capture",
    "encrypted-media",
    "geolocation",
    "gyroscope",
    "hid",
    "idle-detection",
    "local-fonts",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "serial",
    "usb",
    "xr-spatial-tracking",
)
REPORTS_GROUP = "csp"

HEADERS = {
    # Nobody else's page may embed what is fetched with this site's cookies.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{name}=()" for name in UNUSED_FEATURES),
    "X-Robots-Tag": "noindex, nofollow",
}
DEFAULTS = {
    # Pages are somebody's own. What may be kept says so itself: the static files.
    "Cache-Control": "no-store",
}


class HeadersMiddleware:
    """Put the headers on every answer: pages, errors, the API, static files.

    Who logs out leaves no file behind in the browser: `Clear-Site-Data` removes what
    the page keeps to continue uploads, where no script of ours runs as well. Cookies
    are left out, because that would reach those of other sites under the same domain;
    the session's own is gone anyway.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response[name] = value
        for name, value in DEFAULTS.items():
            response.setdefault(name, value)
        reports = reverse("csp-reports")
        response["Reporting-Endpoints"] = f'{REPORTS_GROUP}="{reports}"'
        if getattr(request, "has_logged_out", False):
            response["Clear-Site-Data"] = '"storage"'
        return response


@receiver(user_logged_out)
def note_logout(*, request: HttpRequest | None, **_: Any) -> None:
    """Remember on the request that its session ended by its owner's wish."""
    if request is not None:
        request.has_logged_out = True  # type: ignore[attr-defined]


class PolicyMiddleware(CSPMiddleware):
    """The Content-Security-Policy, with two exceptions.

    No Trusted Types for Django's own admin: its jQuery sets innerHTML to a string
    while it loads, and is not ours. No `report-to` over plain HTTP: browsers keep such
    reports to themselves there, and overlook `report-uri` beside it.
    """

    def get_policy_parts(
        self,
        request: HttpRequest,
        response: HttpResponseBase,
        report_only: bool = False,
    ) -> PolicyParts:
        """Return the parts of the policy for this answer."""
        parts = super().get_policy_parts(request, response, report_only)
        left_out: list[str] = []
        if request.path.startswith(reverse("admin:index")):
            left_out += ["require-trusted-types-for", "trusted-types"]
        if not request.is_secure():
            left_out.append("report-to")
        parts.replace = {**(parts.replace or {}), **dict.fromkeys(left_out)}
        return parts


def static_headers(headers: Any, path: str, url: str) -> None:
    """Add the policy of a file that is opened by itself: an SVG, a worker.

    It loads nothing, and its scripts are those of a worker, which reach nothing.
    """
    headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
