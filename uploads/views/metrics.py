"""Metrics for Prometheus, for clients with METRICS_SECRET or in METRICS_NETWORKS."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from uploads.access.addresses import client_address, forwarded_address
from uploads.metrics.files import processes_of_this_host
from uploads.metrics.site import UP, Figure, families
from uploads.outages import is_outage, log_outage
from uploads.upkeep.site_figures import site_figures


@login_not_required
@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the metrics to permitted clients, and 404 to all others."""
    if not (_knows_secret(request) or _is_in_network(request)):
        raise Http404
    with processes_of_this_host() as registry:
        text = generate_latest(registry)
    site = CollectorRegistry(auto_describe=False)
    site.register(_Site(_site_figures()))
    text += generate_latest(site)
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def _site_figures() -> list[Figure]:
    """Return the figures of the site.

    If the database does not answer, return only the figure UP, with the value 0.
    """
    try:
        return list(site_figures())
    except Error as error:
        if is_outage(error):
            log_outage(error)
            return [Figure(UP, 0)]
        raise


class _Site(Collector):
    def __init__(self, figures: list[Figure]) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        return families(iter(self._figures))


def _knows_secret(request: HttpRequest) -> bool:
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    if not settings.METRICS_SECRET or scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(
        sent.strip().encode("utf-8", "surrogateescape"),
        settings.METRICS_SECRET.encode(),
    )


def _is_in_network(request: HttpRequest) -> bool:
    """Return whether the client's address is in METRICS_NETWORKS.

    Return False if a proxy has forwarded the request, but ``forwarded_address`` does
    not find the client's address. In this case, the only known address is the proxy's
    address, which is the same for all clients.
    """
    is_forwarded = not {"HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED"}.isdisjoint(
        request.META
    )
    address = forwarded_address(request) if is_forwarded else client_address(request)
    return bool(address) and any(
        ipaddress.ip_address(address) in ipaddress.ip_network(network)
        for network in settings.METRICS_NETWORKS
    )
