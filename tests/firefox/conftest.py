"""Test the main actions in Firefox ESR. Run with `-p tests.plugins.seaweed`.

Firefox is started once. Each test has its own container with its own cookies and
storage. A test fails if its pages violated the Content-Security-Policy, threw an error
or logged an error to the console.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from selenium import webdriver

from tests.support.forms_site import forms, module_forms
from tests.support.live_site import (
    _database,
    _database_file,
    bucket_url,
    django_db_setup,
    person,
    site_environment,
)
from tests.webdriver.firefox import FirefoxWindow, new_window, started
from tests.webdriver.proxies import BrowserProxies, proxies, session_proxies
from tests.webdriver.upload_page import UploadPage

__all__ = [
    "_database",
    "_database_file",
    "bucket_url",
    "django_db_setup",
    "forms",
    "module_forms",
    "person",
    "proxies",
    "session_proxies",
    "site_environment",
]


@pytest.fixture(scope="session")
def firefox_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of Firefox's downloads."""
    return tmp_path_factory.mktemp("firefox")


@pytest.fixture(scope="session")
def firefox(firefox_home: Path) -> Iterator[webdriver.Firefox]:
    with started(firefox_home) as driver:
        yield driver


@pytest.fixture
def window(firefox: webdriver.Firefox) -> Iterator[FirefoxWindow]:
    """Yield a new window without a login."""
    with new_window(firefox) as window:
        yield window


@pytest.fixture
def upload_page(
    window: FirefoxWindow, person: User, proxies: BrowserProxies
) -> UploadPage:
    """Open and return the page of `person`'s files."""
    window.sign_in(person, proxies.url)
    upload_page = UploadPage(window, proxies.url)
    upload_page.wait_for_list()
    return upload_page
