"""Provide a machine on which the server tutorial was followed, and a browser.

Run with `-p pytest_playwright.pytest_playwright`, as root. The ports 80, 443, 5432 and
8333 must be free.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.hosts.machine import SITE, STORE, Machine, followed
from tests.hosts.sandbox import Sandbox, fresh_root
from tests.support.chromium import FLAGS, find_chromium

# Playwright runs an event loop in this thread. Django would refuse database queries
# here, because it assumes async code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    """Yield a machine on which the tutorial was followed, except its upgrade."""
    with followed("vps.md") as machine:
        yield machine


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with fresh_root() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def browser_type_launch_args(
    browser_type_launch_args: dict[str, Any],
) -> dict[str, Any]:
    hosts = f"MAP {SITE} 127.0.0.1, MAP {STORE} 127.0.0.1"
    return {
        **browser_type_launch_args,
        "executable_path": find_chromium(),
        "args": [*FLAGS, f"--host-resolver-rules={hosts}"],
        "timeout": 120_000,
    }


@pytest.fixture(scope="session")
def base_url() -> str:
    """Return the site's URL, so that `page.goto("/")` opens the site."""
    return f"https://{SITE}"


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    # test_vps.py checks the certificate. The browser does not trust its authority.
    return {**browser_context_args, "ignore_https_errors": True}
