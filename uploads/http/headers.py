"""Response headers for which Django has no setting."""

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
    # Other sites may not embed responses that depend on this site's cookies.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{name}=()" for name in UNUSED_FEATURES),
    "X-Robots-Tag": "noindex, nofollow",
}
DEFAULTS = {
    # Pages are private. Static files set a Cache-Control of their own.
    "Cache-Control": "no-store",
}


class HeadersMiddleware:
    """Sets the headers on every response: pages, errors, the API, static files.

    After a logout, `Clear-Site-Data` deletes the file copies that the page keeps to
    continue uploads, even if no script runs. Cookies are not cleared, because this would
    also delete cookies of other sites on the same domain. Django has already deleted the
    session cookie.
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
    """Mark the request, so that the middleware sends `Clear-Site-Data`."""
    if request is not None:
        request.has_logged_out = True  # type: ignore[attr-defined]


class PolicyMiddleware(CSPMiddleware):
    """The Content-Security-Policy, with two exceptions.

    Django's admin gets no Trusted Types, because its jQuery sets innerHTML to a string
    while it loads. Over plain HTTP there is no `report-to`: browsers do not send such
    reports there, and ignore `report-uri` if both are present.
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
    """Add a policy to static files that are opened directly, such as an SVG or a worker.

    Such a file may load nothing.
    """
    headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
