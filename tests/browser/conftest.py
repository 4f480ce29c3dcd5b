"""The whole site as a browser meets it: gunicorn, SeaweedFS and Chromium.

The site runs as in production: DEBUG off, its static files collected and hashed.
Run with `-p tests.plugins.seaweed`. Tests may use models without a mark; what they
save is seen by the site at once. The database is not emptied between tests: each
makes people of its own, and people do not see each other's uploads. A test fails
when its pages broke the Content-Security-Policy or Trusted Types, threw an error,
wrote one to the console or opened an alert.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.db import connection
from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Page, expect

from tests.browser.slow_storage import SlowStorage
from tests.browser.upload_page import UploadPage
from tests.plugins.no_secrets import watch
from tests.support import slowness
from tests.support.chromium import FLAGS, find_chromium
from tests.support.production import production
from uploads.dev.ports import HOST, free_ports
from uploads.dev.processes import spawn, stop
from uploads.s3.bucket import get_bucket
from uploads.s3.bucket_config import apply

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker

    from uploads.dev.s3_server import S3Server

SMALL_PART = 6 * 1024 * 1024
_origins: list[str] = []

# Playwright keeps an event loop in this thread, which Django takes for async code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

# Patience costs nothing where all is well, and machines are busy at times.
PATIENCE_MS = 60_000 * slowness.PATIENCE
expect.set_options(timeout=PATIENCE_MS)

# Refused requests, and what Uppy tells the person at the same time: tests look at both.
EXPECTED_ERRORS = ("Failed to load resource", "[Uppy]")
# The console names most violations by itself; this names all, in one form.
SAY_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`Policy broken: ${event.effectiveDirective} by ${event.blockedURI}`));
"""
# Playwright can answer the dialog of an input, not the browser's own picker: without
# one the page asks by its inputs. test_picker.py brings a picker of its own.
ASK_BY_INPUTS = "delete window.showOpenFilePicker;"


class Complaints(list[str]):
    """What a browser complained of, without what the test said that it would."""

    def __init__(self) -> None:
        super().__init__()
        self.expected: list[str] = []
        self._words: tuple[str, ...] = ()

    def expect(self, *words: str) -> None:
        """Let complaints with any of these words be no failure, from now to the end."""
        self._words = words

    def note(self, complaint: str) -> None:
        """Add one to the list that it belongs to."""
        is_expected = any(words in complaint for words in self._words)
        (self.expected if is_expected else self).append(complaint)


@dataclass(frozen=True)
class LiveSite:
    """The site in processes of its own; `url` has no slash at its end."""

    url: str
    process: subprocess.Popen[bytes]
    access_log: Path
    log: Path


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    if slowness.SECONDS:
        seconds = float(config.getini("timeout")) * slowness.PATIENCE
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
        "timeout": 2 * PATIENCE_MS,
    }


@pytest.fixture(scope="session")
def _database_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("site") / "db.sqlite3"


@pytest.fixture(scope="session")
def django_db_setup(_database_file: Path, django_db_blocker: DjangoDbBlocker) -> None:
    """Make the database: a file, because the site reads it in another process."""
    connection.close()
    settings.DATABASES["default"]["NAME"] = str(_database_file)
    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0)


@pytest.fixture(autouse=True)
def _database(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="session")
def bucket_url(s3_server: S3Server) -> Iterator[str]:
    """Where site and browsers reach the bucket."""
    if not slowness.SECONDS:
        yield s3_server.endpoint_url
        return
    proxy = SlowStorage(s3_server.port).start()
    yield proxy.url
    proxy.stop()


@pytest.fixture(scope="session")
def site_environment(
    s3_server: S3Server,
    bucket_url: str,
    django_db_setup: None,
    _database_file: Path,
) -> dict[str, str]:
    """Return the variables of a production site on plain HTTP, its files collected."""
    return {
        **os.environ,
        **s3_server.environment(),
        "S3_ENDPOINT_URL": bucket_url,
        **production(),
        "DATABASE_URL": f"sqlite:///{_database_file}",
        "DATA_DIR": str(_database_file.parent),
    }


@contextmanager
def serve(environment: dict[str, str], home: Path) -> Iterator[LiveSite]:
    """Run the site under gunicorn, its logs in ``home``, until the block ends.

    The bucket opens to its origin too, and to no other but those of earlier sites.
    """
    port = free_ports(1)[0]
    site_log, access_log = home / "site.log", home / "access.log"
    watch(site_log)
    watch(access_log)
    command = [sys.executable, "-m", "gunicorn", "config.wsgi"]
    command += ["--bind", f"{HOST}:{port}", "--threads", "8", "--no-control-socket"]
    # A connection that the site gives up just when it is used again fails a request.
    command += ["--keep-alive", "300", "--timeout", "120"]
    command += ["--access-logfile", str(access_log)]
    process = spawn(command, environment=environment, log=site_log)
    url = f"http://{HOST}:{port}"
    try:
        _wait_until_it_answers(url, process, site_log)
        _origins.append(url)
        apply(get_bucket(), origins=_origins)
        yield LiveSite(url, process, access_log, site_log)
    finally:
        stop(process)


@pytest.fixture(scope="session")
def live_site(
    site_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveSite]:
    """The site under gunicorn."""
    with serve(site_environment, tmp_path_factory.mktemp("logs")) as site:
        yield site


@pytest.fixture(scope="session")
def other_site(
    site_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveSite]:
    """Another site of the same database and bucket, with settings of its own.

    Files go in parts of 6 MiB: what is about parts, and not about their size, costs
    less time so. Strangers may make accounts, and staff need a second factor.
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
    """Let `page.goto("/")` open the site."""
    return live_site.url


@pytest.fixture(scope="session")
def by_name(live_site: LiveSite) -> str:
    """The same site under a name: passkeys are bound to one, and a number is none."""
    return live_site.url.replace(HOST, "localhost")


@pytest.fixture
def person() -> User:
    """A user of this test's own, with the password `demo`."""
    return User.objects.create_user(f"person-{uuid.uuid4().hex[:12]}", password="demo")


@pytest.fixture
def signed_in(page: Page, person: User, base_url: str) -> Page:
    """A page of a browser in which `person` is signed in."""
    _sign_in(page, person, base_url)
    return page


@pytest.fixture
def signed_in_by_name(page: Page, person: User, by_name: str) -> Page:
    """The same at the address with a name, and there only."""
    _sign_in(page, person, by_name)
    return page


def _sign_in(page: Page, person: User, url: str) -> None:
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.create()
    name, value = settings.SESSION_COOKIE_NAME, session.session_key or ""
    page.context.add_cookies([{"name": name, "value": value, "url": url}])


@pytest.fixture
def upload_page(signed_in: Page) -> UploadPage:
    """The page of `person`'s files, open."""
    upload_page = UploadPage(signed_in)
    upload_page.open()
    return upload_page


@pytest.fixture(autouse=True)
def complaints(context: BrowserContext) -> Iterator[Complaints]:
    """What the browser complained of; the test fails if it ends with any."""
    seen = Complaints()
    context.set_default_timeout(PATIENCE_MS)

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(EXPECTED_ERRORS):
            seen.note(message.text)

    def on_dialog(dialog: Dialog) -> None:
        # Leaving is what the page may ask about; scripts may not ask anything.
        if dialog.type != "beforeunload":
            seen.note(f"{dialog.type}: {dialog.message}")
        dialog.accept()

    if slowness.SECONDS:
        context.on("page", _slow_down)
    context.add_init_script(SAY_VIOLATIONS)
    context.add_init_script(ASK_BY_INPUTS)
    context.on("console", on_console)
    context.on("dialog", on_dialog)
    context.on("weberror", lambda error: seen.note(str(error.error)))
    yield seen
    assert seen == []


def _slow_down(page: Page) -> None:
    devtools = page.context.new_cdp_session(page)
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": 4})


def _wait_until_it_answers(
    url: str, process: subprocess.Popen[bytes], log: Path
) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/healthz", timeout=5).close()
        except urllib.error.HTTPError:
            break
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"The site did not start:\n{log.read_text()}")
