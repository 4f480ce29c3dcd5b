"""Run the whole site for a browser: gunicorn, SeaweedFS and Chromium.

tests/support/live_site.py starts the site and its database. A test fails if a page
violates the Content-Security-Policy or Trusted Types, throws an error, logs an error to
the console, or opens an alert.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Page, expect

from tests.browser.upload_page import UploadPage
from tests.support import slowness
from tests.support.browser_errors import LOG_VIOLATIONS, BrowserErrors
from tests.support.chromium import FLAGS, find_chromium
from tests.support.forms_site import forms, module_forms
from tests.support.live_site import (
    SMALL_PART,
    LiveSite,
    _database,
    _database_file,
    bucket_url,
    django_db_setup,
    live_site,
    person,
    serve,
    site_environment,
)
from tests.support.sessions import new_session
from uploads.dev.ports import HOST
from uploads.s3.bucket import get_bucket

__all__ = [
    "_database",
    "_database_file",
    "bucket_url",
    "django_db_setup",
    "forms",
    "live_site",
    "module_forms",
    "person",
    "site_environment",
]

# Playwright runs an event loop in this thread. Django would refuse database queries
# here, because it assumes async code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

# Long, because a machine may be busy. A test that succeeds does not wait this long.
TIMEOUT_MS = 60_000 * slowness.TIMEOUT_FACTOR
expect.set_options(timeout=TIMEOUT_MS)

# Chromium logs these words for a failed request. Tests check the page's message
# instead.
EXPECTED_ERRORS = ("Failed to load resource",)
# Playwright can answer the dialog of a file input, but not the browser's file picker.
# Without a picker, the page uses its file inputs. test_picker.py simulates a picker.
USE_FILE_INPUTS = "delete window.showOpenFilePicker;"


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    if slowness.SECONDS:
        seconds = float(config.getini("timeout")) * slowness.TIMEOUT_FACTOR
        for item in items:
            item.add_marker(pytest.mark.timeout(seconds), append=False)


@pytest.fixture(scope="session")
def browser_type_launch_args(
    browser_type_launch_args: dict[str, Any],
) -> dict[str, Any]:
    return {
        **browser_type_launch_args,
        "executable_path": find_chromium(),
        "args": FLAGS,
        "timeout": 2 * TIMEOUT_MS,
    }


@pytest.fixture(scope="session")
def other_site(
    site_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveSite]:
    """Run another site with the same database and bucket, but other settings.

    Its part size is 6 MiB, so that tests of multipart uploads need less time. Anybody
    may create an account, and staff need a second factor.
    """
    environment = {
        **site_environment,
        "UPLOADS_MIN_PART_BYTES": str(SMALL_PART),
        "SIGNUP_OPEN": "true",
        "TWO_FACTOR_REQUIRED": "staff",
    }
    with serve(environment, tmp_path_factory.mktemp("logs")) as site:
        yield site


@pytest.fixture(scope="session")
def base_url(live_site: LiveSite) -> str:
    """Return the site's URL, so that `page.goto("/")` opens the site."""
    return live_site.url


@pytest.fixture(scope="session")
def by_name(live_site: LiveSite) -> str:
    """Return the site's URL with a host name, which passkeys need."""
    return live_site.url.replace(HOST, "localhost")


@pytest.fixture
def signed_in(page: Page, person: User, base_url: str) -> Page:
    """Return a page in which `person` is logged in."""
    sign_in(page, person, base_url)
    return page


@pytest.fixture
def signed_in_by_name(page: Page, person: User, by_name: str) -> Page:
    """Return a page in which `person` is logged in at `by_name`, not at `base_url`."""
    sign_in(page, person, by_name)
    return page


def sign_in(page: Page, person: User, url: str) -> None:
    """Log `person` in at the site with this URL, without the login form."""
    name, value = settings.SESSION_COOKIE_NAME, new_session(person)
    page.context.add_cookies([{"name": name, "value": value, "url": url}])


@pytest.fixture
def upload_page(signed_in: Page) -> UploadPage:
    """Open and return the page of `person`'s files."""
    upload_page = UploadPage(signed_in)
    upload_page.open()
    return upload_page


@pytest.fixture
def rules() -> Iterator[Any]:
    """Yield a function that replaces the bucket's CORS rules.

    Restore them at the end.
    """
    bucket = get_bucket()
    before: Any = bucket.client.get_bucket_cors(Bucket=bucket.name)["CORSRules"]

    def replace(**rule: Any) -> None:
        write({"AllowedMethods": ["PUT", "POST", "GET", "HEAD"], **rule})

    def write(*found: Any) -> None:
        bucket.client.put_bucket_cors(
            Bucket=bucket.name, CORSConfiguration={"CORSRules": list(found)}
        )

    yield replace
    write(*before)


@pytest.fixture(autouse=True)
def browser_errors(context: BrowserContext) -> Iterator[BrowserErrors]:
    """Collect the browser's errors. The test fails if an unexpected error remains."""
    seen = BrowserErrors()
    context.set_default_timeout(TIMEOUT_MS)

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(EXPECTED_ERRORS):
            seen.add(message.text)

    def on_dialog(dialog: Dialog) -> None:
        # A page may ask the person to confirm that they want to leave it. All other
        # dialogs are errors.
        if dialog.type != "beforeunload":
            seen.add(f"{dialog.type}: {dialog.message}")
        dialog.accept()

    if slowness.SECONDS:
        context.on("page", _slow_down)
    context.add_init_script(LOG_VIOLATIONS)
    context.add_init_script(USE_FILE_INPUTS)
    context.on("console", on_console)
    context.on("dialog", on_dialog)
    context.on("weberror", lambda error: seen.add(str(error.error)))
    yield seen
    assert seen == []


def _slow_down(page: Page) -> None:
    devtools = page.context.new_cdp_session(page)
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": 4})
