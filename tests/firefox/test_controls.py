"""Pause, cancel, reload, and lose the network during an upload."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from tests.browser.files import (
    MIB,
    open_multiparts,
    quota_of,
    random_file,
    sha256,
    stored_objects,
    uploads_of,
)
from tests.faults.parts import sent_parts, stored_parts, wait_until_idle
from tests.support.live_site import SMALL_PART
from tests.webdriver.firefox import FirefoxWindow
from tests.webdriver.proxies import BrowserProxies
from tests.webdriver.stored import ready, stored_sha256
from tests.webdriver.upload_page import QUOTA, UNFINISHED, UPLOAD, UploadPage
from uploads.states import State

PARTS = 8  # more parts than the page sends concurrently
SIZE = (PARTS - 1) * SMALL_PART + MIB


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a file of eight parts."""
    return random_file(tmp_path_factory.mktemp("films"), "film.bin", SIZE)


@pytest.fixture
def half_sent(
    upload_page: UploadPage, proxies: BrowserProxies, film: Path
) -> UploadPage:
    """Return the page while the proxy stops the upload of `film` in its middle."""
    proxies.storage.one_body_at_a_time = True
    proxies.storage.pause_after(SIZE // 2)
    upload_page.choose(film)
    upload_page.start()
    proxies.storage.wait_until_paused()
    upload_page.window.wait_for_text(UPLOAD, re.compile(r"[1-9]\S* of 45.1 MB"))
    return upload_page


def all_parts(person: User) -> set[int]:
    """Return the numbers of all parts of `film`. The page has chosen the part size."""
    return set(range(1, uploads_of(person)["film.bin"].part_count + 1))


def test_paused_upload_sends_nothing_and_continues_with_the_missing_parts(
    half_sent: UploadPage, proxies: BrowserProxies, person: User, film: Path
) -> None:
    window = half_sent.window
    safe = set(stored_parts(proxies.storage))

    window.press("Pause")
    half_sent.wait_for_heading("Paused")
    proxies.end_faults()
    wait_until_idle(proxies.storage)
    safe |= set(stored_parts(proxies.storage))
    proxies.storage.clear_exchanges()
    time.sleep(0.7)
    assert sent_parts(proxies.storage) == {}
    window.press("Continue")
    half_sent.wait_until_uploaded(1)

    assert safe
    assert set(sent_parts(proxies.storage)) == all_parts(person) - safe
    assert stored_sha256(ready(person, "film.bin")) == sha256(film)
    assert quota_of(person) == (SIZE, 0, 1, 0)


def test_cancelled_upload_leaves_no_object_and_no_reservation(
    half_sent: UploadPage, proxies: BrowserProxies, person: User
) -> None:
    window = half_sent.window
    assert quota_of(person) == (0, SIZE, 0, 1)
    window.wait_for_text(QUOTA, "on the way")

    window.press("Cancel")
    half_sent.answer("Keep")
    assert uploads_of(person)["film.bin"].state == State.PENDING
    window.press("Cancel")
    half_sent.answer("Cancel upload")
    window.button("Choose files")

    window.wait_until(lambda: quota_of(person) == (0, 0, 0, 0))
    assert uploads_of(person)["film.bin"].state == State.CANCELLED
    proxies.end_faults()
    window.wait_until(lambda: open_multiparts(person) == [])
    assert stored_objects(person) == {}


def test_only_missing_parts_are_sent_after_a_reload(
    half_sent: UploadPage, proxies: BrowserProxies, person: User, film: Path
) -> None:
    window = half_sent.window

    half_sent.reload()
    proxies.end_faults()
    wait_until_idle(proxies.storage)
    safe = set(stored_parts(proxies.storage))
    proxies.storage.clear_exchanges()
    window.wait_for_text(UNFINISHED, "film.bin")
    half_sent.choose(film, button="Continue film.bin")
    half_sent.wait_until_uploaded(1)

    assert safe
    assert set(sent_parts(proxies.storage)) == all_parts(person) - safe
    half_sent.expect_ready("film.bin")
    assert window.text(UNFINISHED) == ""
    assert stored_sha256(ready(person, "film.bin")) == sha256(film)
    assert quota_of(person) == (SIZE, 0, 1, 0)


def test_upload_continues_after_a_network_outage(
    half_sent: UploadPage, proxies: BrowserProxies, person: User, film: Path
) -> None:
    safe = set(stored_parts(proxies.storage))

    proxies.disconnect()
    half_sent.wait_for_heading("Waiting for the network|No network")
    proxies.end_faults()
    half_sent.wait_until_uploaded(1)

    assert stored_sha256(ready(person, "film.bin")) == sha256(film)
    sent_twice = {
        part for part, times in stored_parts(proxies.storage).items() if times > 1
    }
    assert not safe & sent_twice
    assert quota_of(person) == (SIZE, 0, 1, 0)


def test_upload_waits_while_firefox_reports_offline(
    half_sent: UploadPage,
    proxies: BrowserProxies,
    window: FirefoxWindow,
    person: User,
    film: Path,
) -> None:
    window.set_offline(True)
    half_sent.wait_for_heading("No network|Waiting for the network")
    proxies.end_faults()
    window.set_offline(False)
    half_sent.wait_until_uploaded(1)

    assert stored_sha256(ready(person, "film.bin")) == sha256(film)


def test_unfinished_upload_is_cancelled(
    half_sent: UploadPage, proxies: BrowserProxies, person: User
) -> None:
    half_sent.reload()
    proxies.end_faults()

    half_sent.window.press("Discard film.bin")
    half_sent.answer("Discard")

    half_sent.window.wait_until(lambda: quota_of(person) == (0, 0, 0, 0))
    half_sent.window.wait_until(lambda: open_multiparts(person) == [])


def test_upload_succeeds_when_a_download_starts(
    upload_page: UploadPage,
    proxies: BrowserProxies,
    person: User,
    film: Path,
    firefox_home: Path,
    tmp_path: Path,
) -> None:
    earlier = random_file(tmp_path, f"earlier-{person.pk}.bin", MIB)
    upload_page.upload(earlier)
    upload_page.window.press("Upload more")
    proxies.storage.pause_after(SIZE // 3)
    upload_page.choose(film)
    upload_page.start()
    proxies.storage.wait_until_paused()

    upload_page.window.follow(f"Download {earlier.name}")
    saved = firefox_home / earlier.name
    upload_page.window.wait_until(
        lambda: saved.exists() and saved.stat().st_size == MIB
    )
    proxies.end_faults()
    upload_page.wait_until_uploaded(1)

    assert sha256(saved) == sha256(earlier)
    assert stored_sha256(ready(person, "film.bin")) == sha256(film)
    assert max(stored_parts(proxies.storage).values()) == 1
