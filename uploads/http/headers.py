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

from uploads.conf import options

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
CHECKSUM_WORKER = "build/checksum-worker."
"""Part of the URL of the checksum worker. The rest of the name may contain a hash."""

HEADERS = {
    # Other websites may not embed responses of this site.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{name}=()" for name in UNUSED_FEATURES),
    "X-Robots-Tag": "noindex, nofollow",
}
DEFAULTS = {
    # Caches must not store private pages. Static files set their own Cache-Control.
    "Cache-Control": "no-store",
}


class HeadersMiddleware:
    """Sets the headers on every response: pages, errors, the API, static files.

    The page keeps copies of files in the browser to continue uploads. After a logout,
    `Clear-Site-Data` deletes these copies, even if no script runs. The header does not
    name cookies, because browsers would then delete the cookies of other sites on the
    same domain too. Django deletes the session cookie itself.
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
    """Sets the Content-Security-Policy, with two exceptions.

    Pages of Django's admin get no directives for Trusted Types, because the admin's
    jQuery sets innerHTML to a string while it loads. Responses over plain HTTP get no
    `report-to`, because browsers use `report-to` only over HTTPS. If `report-to` is
    present, browsers ignore `report-uri`, so over plain HTTP they would send no
    reports.
    """

    def get_policy_parts(
        self,
        request: HttpRequest,
        response: HttpResponseBase,
        report_only: bool = False,
    ) -> PolicyParts:
        """Return the parts of the policy for this response."""
        parts = super().get_policy_parts(request, response, report_only)
        left_out: list[str] = []
        if request.path.startswith(reverse("admin:index")):
            left_out += ["require-trusted-types-for", "trusted-types"]
        if not request.is_secure():
            left_out.append("report-to")
        parts.replace = {**(parts.replace or {}), **dict.fromkeys(left_out)}
        return parts


def static_headers(headers: Any, path: str, url: str) -> None:
    """Add a Content-Security-Policy that forbids a static file to load anything.

    Browsers apply the policy to a file that they open as a page or start as a worker.
    For example, a person can open the URL of an SVG image.
    """
    policy = "default-src 'none'; frame-ancestors 'none'"
    if CHECKSUM_WORKER in url and options().checksum == "crc64nvme":
        policy += "; script-src 'wasm-unsafe-eval'"
    headers["Content-Security-Policy"] = policy
