"""Test the main actions in WebKitGTK. Run with `-p tests.plugins.seaweed`.

Each test has its own browser. A test fails if its pages threw an error or violated the
Content-Security-Policy.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from tests.support.live_site import (
    _database,
    _database_file,
    bucket_url,
    django_db_setup,
    person,
    site_environment,
)
from tests.webdriver.proxies import BrowserProxies, proxies, session_proxies
from tests.webdriver.upload_page import UploadPage
from tests.webdriver.webkit import WebKitWindow, new_window, screen

__all__ = [
    "_database",
    "_database_file",
    "bucket_url",
    "django_db_setup",
    "person",
    "proxies",
    "session_proxies",
    "site_environment",
]


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    with screen() as display:
        yield display


@pytest.fixture
def window(display: str, tmp_path: Path) -> Iterator[WebKitWindow]:
    """Yield the window of a new browser."""
    home = tmp_path / "home"
    home.mkdir()
    with new_window(display, home) as window:
        yield window


@pytest.fixture
def upload_page(
    window: WebKitWindow, person: User, proxies: BrowserProxies
) -> UploadPage:
    """Open and return the page of `person`'s files."""
    window.sign_in(person, proxies.url)
    upload_page = UploadPage(window, proxies.url)
    upload_page.wait_for_list()
    return upload_page
