"""The doctor's page in the admin. The server and the operator's browser run tests."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core import signing
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST

from uploads.doctor import self_test
from uploads.doctor.examination import Examination
from uploads.doctor.families import FAMILIES, examine, names
from uploads.doctor.memory import remember_examination, remember_promises
from uploads.doctor.results import Status, is_green
from uploads.errors import StorageError
from uploads.s3.bucket_config import origins_of_settings

LOCK = "slipway-doctor-running"
LOCK_SECONDS = 120
OPTIONAL = {"notifications"}
"""Families (groups of tests) that a complete run may leave out."""


def doctor(request: HttpRequest) -> HttpResponse:
    """Show the doctor's page. For a POST, run the server's tests first."""
    _require_superuser(request)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Doctor",
        "families": FAMILIES,
        "chosen": [],
    }
    if request.method == "POST":
        context |= _examined(request)
    return TemplateResponse(request, "admin/doctor.html", context)


def _examined(request: HttpRequest) -> dict[str, Any]:
    """Run the tests, and return the results for the page.

    While another run is in progress, run no test and return ``is_busy``.
    """
    chosen = [name for name in request.POST.getlist("family") if name in names()]
    if not cache.add(LOCK, True, LOCK_SECONDS):
        return {"chosen": chosen, "is_busy": True}
    try:
        found = list(examine(Examination(_origins(request)), only=chosen))
    finally:
        cache.delete(LOCK)
    remember_promises(found)
    if set(names()) - set(chosen) <= OPTIONAL or not chosen:
        remember_examination(found, run_by="this admin")
    leaves = [f for top in found for f in top.walk() if not f.children]
    counts = {s.value: sum(f.status == s for f in leaves) for s in Status}
    return {
        "chosen": chosen,
        "found": found,
        "counts": {name: count for name, count in counts.items() if count},
        "is_green": is_green(found),
    }


def _origins(request: HttpRequest) -> tuple[str, ...]:
    """Return the site's origins from the settings, or else this request's origin."""
    own = f"{request.scheme}://{request.get_host()}"
    return tuple(origins_of_settings()) or (own,)


@require_POST
def begin(request: HttpRequest) -> JsonResponse:
    """Return the requests that the browser must send for its tests."""
    _require_superuser(request)
    try:
        return JsonResponse(self_test.begin())
    except StorageError as error:
        return JsonResponse({"detail": error.detail}, status=503)


@require_POST
def end(request: HttpRequest) -> JsonResponse:
    """Check the objects that the browser's tests have stored. Return the findings."""
    _require_superuser(request)
    try:
        found = self_test.end(request.POST.get("ticket", ""))
    except signing.BadSignature:
        return JsonResponse(
            {"detail": 'The test took too long. Press "Test this browser" again.'},
            status=400,
        )
    except StorageError as error:
        return JsonResponse({"detail": error.detail}, status=503)
    return JsonResponse({"findings": [finding.as_dict() for finding in found]})


def _require_superuser(request: HttpRequest) -> None:
    if not request.user.is_superuser:
        raise PermissionDenied
