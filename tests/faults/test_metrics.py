"""Counters are correct over all web processes of one gunicorn."""

from __future__ import annotations

import random
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from prometheus_client.parser import text_string_to_metric_families

from tests.faults.client import Client
from tests.faults.conftest import SEED
from tests.faults.site import Site
from uploads.access.tokens import create_token

SECRET = "a-secret-of-this-test-alone"
UPLOADS = 200


@pytest.fixture
def many(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Run a site with four web processes and config/gunicorn.py."""
    environment = {
        **site.environment,
        "METRICS_SECRET": SECRET,
        "METRICS_DIR": str(tmp_path / "metrics"),
    }
    options = ["--config", "config/gunicorn.py"]
    made = Site(tmp_path, environment, workers=4, options=options)
    made.start()
    yield made
    made.stop()


def test_counters_of_four_processes_reach_200_after_200_uploads(
    many: Site, person: User, tmp_path: Path
) -> None:
    _, token = create_token(person, name="metrics")
    with ThreadPoolExecutor(8) as pool:
        ended = pool.map(lambda n: upload(many, token, n), range(UPLOADS))
        assert [record["state"] for record in ended] == ["ready"] * UPLOADS
    files = {path.name for path in tmp_path.glob("metrics/*/counter_*.db")}

    assert len(files) >= 4, "A process has served no request."
    assert_counts(many)
    many.kill_workers()
    many.wait_until_it_answers()
    assert_counts(many)


def upload(site: Site, token: str, number: int) -> dict[str, str]:
    chance = random.Random(SEED + number)
    client = Client(site.url, token, retry_seconds=120, timeout=120, chance=chance)
    record: dict[str, str] = client.upload(chance.randbytes(100), parts=False)
    return record


def assert_counts(site: Site) -> None:
    counts = scrape(site)
    for state in ("pending", "inspecting", "ready"):
        name = f"slipway_upload_moves_total reason= state={state} transport=put"
        assert counts[name] == UPLOADS, name
    assert counts["slipway_upload_bytes_total state=ready transport=put"] == (
        UPLOADS * 100
    )
    assert counts["slipway_presigned_urls_total kind=put"] == UPLOADS
    assert counts["slipway_presign_seconds_count kind=put"] == UPLOADS
    starts = "slipway_requests_total method=POST route=api-1:start status=2xx"
    assert counts[starts] == UPLOADS


def scrape(site: Site) -> dict[str, float]:
    request = urllib.request.Request(
        f"{site.url}/metrics", headers={"Authorization": f"Bearer {SECRET}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read().decode()
    return {
        " ".join([s.name, *(f"{k}={v}" for k, v in sorted(s.labels.items()))]): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }
