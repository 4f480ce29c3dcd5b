"""Tell the doctor which addresses have arrived in the header X-Forwarded-For."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from uploads.doctor.proxies import HEADER, is_ticket


@require_safe
@never_cache
@login_not_required
def proxies(request: HttpRequest) -> JsonResponse:
    """Return the addresses if the request has a valid ticket of the doctor.

    Raises Http404 for all other requests.
    """
    if not is_ticket(request.headers.get(HEADER, "")):
        raise Http404
    header = request.META.get("HTTP_X_FORWARDED_FOR", "")
    return JsonResponse(
        {
            "forwarded_for": [
                part.strip() for part in header.split(",") if part.strip()
            ],
            "trusted": settings.TRUSTED_PROXY_COUNT,
        }
    )
