"""The settings of gunicorn agree with the proxy, the units and the container."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from gunicorn.config import Config

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "config" / "gunicorn.py"
NGINX = (ROOT / "infra" / "nginx" / "slipway.conf").read_text()
UNIT = (ROOT / "infra" / "systemd" / "slipway-web.service").read_text()


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    monkeypatch.setenv("METRICS_DIR", str(tmp_path))
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")  # monkeypatch restores the value
    monkeypatch.setenv("SLIPWAY_METRICS_MASTER", "")
    return runpy.run_path(str(FILE))


def test_gunicorn_knows_every_setting(loaded: dict[str, Any]) -> None:
    config = Config()
    names = [name for name in loaded if name.islower() and name in config.settings]
    assert len(names) > 10

    for name in names:
        config.set(name, loaded[name])  # raises if the value has a wrong type
    written = set(re.findall(r"^([a-z_]+) = ", FILE.read_text(), re.MULTILINE))
    assert written - config.settings.keys() == set()


@pytest.mark.parametrize("name", ["WEB_CONCURRENCY", "WEB_THREADS"])
def test_web_concurrency_sets_the_processes_and_web_threads_the_threads(
    name: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv(name, "3")

    loaded = request.getfixturevalue("loaded")

    assert loaded["workers" if name == "WEB_CONCURRENCY" else "threads"] == 3


def test_proxy_waits_longer_than_a_request_may_take(loaded: dict[str, Any]) -> None:
    site = NGINX.split("server {")[2]
    waits = re.findall(r"proxy_read_timeout (\d+)s;", site)

    assert [int(seconds) > loaded["timeout"] for seconds in waits] == [True]


def test_proxy_closes_idle_connections_before_gunicorn(loaded: dict[str, Any]) -> None:
    assert loaded["keepalive"] > 60


def test_systemd_waits_for_requests_to_end(loaded: dict[str, Any]) -> None:
    [seconds] = re.findall(r"^TimeoutStopSec=(\d+)$", UNIT, re.MULTILINE)

    assert int(seconds) > loaded["graceful_timeout"]
    assert "ExecReload=/bin/kill -HUP $MAINPID" in UNIT
    # With a preloaded app, a reload by SIGHUP would keep the old code.
    assert loaded["preload_app"] is False
