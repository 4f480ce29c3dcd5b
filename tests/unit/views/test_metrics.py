"""Test the access to /metrics, and its answer in Prometheus' text format."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest import mock

import pytest
from django.db import OperationalError
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from uploads.metrics.site import FAMILIES
from uploads.views import metrics as view

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

SECRET = "correct-horse-battery-staple"


@pytest.fixture(autouse=True)
def _no_access(settings: Settings) -> None:
    settings.METRICS_SECRET = ""
    settings.METRICS_NETWORKS = []
    settings.TRUSTED_PROXY_COUNT = 0


def test_request_with_the_secret_gets_the_metrics(
    client: Client, settings: Settings
) -> None:
    settings.METRICS_SECRET = SECRET
    client.get("/healthz")

    answer = client.get("/metrics", headers={"Authorization": f"Bearer {SECRET}"})

    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=")
    families = {f.name for f in text_string_to_metric_families(answer.text)}
    assert {"slipway_requests", "slipway_request_seconds"} <= families


def test_metrics_of_processes_are_returned_during_a_database_outage(
    client: Client, settings: Settings
) -> None:
    settings.METRICS_SECRET = SECRET
    with mock.patch.object(
        view, "site_figures", side_effect=OperationalError("connection refused")
    ):
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {SECRET}"})

    assert answer.status_code == 200
    assert "slipway_site_up 0.0" in answer.text
    assert "slipway_requests_total" in answer.text


def test_every_documented_metric_is_exported_with_a_help_text(
    client: Client, settings: Settings
) -> None:
    settings.METRICS_SECRET = SECRET
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {SECRET}"})

    found = {f.name: f for f in text_string_to_metric_families(answer.text)}
    assert FAMILIES.keys() <= found.keys()
    assert [name for name, family in found.items() if not family.documentation] == []
    assert found["slipway_site_up"].samples[0].value == 1


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "Bearer",
        "Bearer wrong",
        f"Basic {SECRET}",
        f"Bearer {SECRET}x",
        "Bearer \xff",
    ],
)
@pytest.mark.parametrize("secret", ["", SECRET])
def test_request_without_the_secret_gets_404(
    client: Client, settings: Settings, sent: str, secret: str
) -> None:
    settings.METRICS_SECRET = secret
    headers = {"Authorization": sent} if sent else {}

    answer = client.get("/metrics", headers=headers)
    unknown = client.get("/no-such-page", headers=headers)

    assert answer.status_code == unknown.status_code == 404
    assert answer.content == unknown.content


@pytest.mark.parametrize(
    ("address", "proxies", "forwarded", "status"),
    [
        ("10.1.2.3", 0, "", 200),
        ("203.0.113.9", 0, "", 404),
        ("", 0, "", 404),
        # The site knows only the proxy's address.
        ("10.1.2.3", 0, "203.0.113.9", 404),
        ("10.1.2.3", 1, "203.0.113.9", 404),
        ("10.1.2.3", 1, "10.9.9.9", 200),
        ("10.1.2.3", 1, "10.9.9.9, 203.0.113.9", 404),
        # The header is too short or unreadable, so the site knows only the proxy's
        # address.
        ("10.1.2.3", 2, "203.0.113.9", 404),
        ("10.1.2.3", 1, "unknown", 404),
        ("10.1.2.3", 1, "", 200),
    ],
)
def test_request_from_a_permitted_network_gets_the_metrics(
    client: Client,
    settings: Settings,
    address: str,
    proxies: int,
    forwarded: str,
    status: int,
) -> None:
    settings.METRICS_NETWORKS = ["10.0.0.0/8", "fd00::/8"]
    settings.TRUSTED_PROXY_COUNT = proxies
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}

    answer = client.get("/metrics", headers=headers, REMOTE_ADDR=address)

    assert answer.status_code == status
