"""In WebKit, reads of files fail when a download starts or the page is left.

Each such read fails once, and the next read of the same file succeeds.
"""

from __future__ import annotations

from pathlib import Path

from django.contrib.auth.models import User

from tests.browser.files import MIB, quota_of, random_file, sha256
from tests.faults.parts import stored_parts
from tests.support.live_site import SMALL_PART
from tests.webdriver.proxies import BrowserProxies
from tests.webdriver.stored import ready, ready_paths, stored_sha256
from tests.webdriver.upload_page import UploadPage
from uploads.states import State

PARTS = 16
SIZE = PARTS * SMALL_PART
COPIES = 9
STORED_COPIES = """
const done = arguments[arguments.length - 1];
const opening = indexedDB.open("slipway");
opening.onsuccess = () => {
  const count = opening.result.transaction("sources").objectStore("sources").count();
  count.onsuccess = () => { opening.result.close(); done(count.result); };
};
"""


def test_upload_succeeds_when_a_download_starts(
    upload_page: UploadPage, proxies: BrowserProxies, person: User, tmp_path: Path
) -> None:
    earlier = random_file(tmp_path, "earlier.bin", MIB)
    film = random_file(tmp_path, "film.bin", SIZE)
    upload_page.upload(earlier)
    upload_page.window.press("Upload more")
    proxies.storage.bytes_per_second = 40 * MIB
    upload_page.choose(film)
    upload_page.start()

    # The page nearly always reads a file, so each click is likely to make a read fail.
    for count in (2, 5, 8):
        _wait_until_parts_arrived(upload_page, proxies, count)
        upload_page.window.follow("Download earlier.bin")
    upload_page.wait_until_uploaded(1)

    assert stored_sha256(ready(person, "film.bin")) == sha256(film)


def test_reload_keeps_all_stored_copies_of_files(
    upload_page: UploadPage, proxies: BrowserProxies, person: User, tmp_path: Path
) -> None:
    names = [f"{number}.bin" for number in range(COPIES)]
    files = [random_file(tmp_path, name, 4 * MIB) for name in names]
    proxies.storage.pause_after(MIB)
    upload_page.choose(*files)
    upload_page.start()
    proxies.storage.wait_until_paused()
    _wait_until_copies_stored(upload_page, COPIES)

    upload_page.reload()
    proxies.end_faults()
    upload_page.wait_until_uploaded(COPIES)

    assert ready_paths(person) == names
    arrived = person.uploads.filter(state=State.READY)
    assert {upload.filename: stored_sha256(upload) for upload in arrived} == {
        file.name: sha256(file) for file in files
    }
    # The page has started no second upload of a file.
    upload_page.window.wait_until(
        lambda: quota_of(person) == (COPIES * 4 * MIB, 0, COPIES, 0),
        lambda: quota_of(person),
    )


def _wait_until_parts_arrived(
    page: UploadPage, proxies: BrowserProxies, count: int
) -> None:
    page.window.wait_until(
        lambda: len(stored_parts(proxies.storage)) >= count,
        lambda: (
            f"{count}, {stored_parts(proxies.storage)}, {page.window.text('main')!r}"
        ),
    )


def _wait_until_copies_stored(page: UploadPage, count: int) -> None:
    """Wait until the browser has stored copies of ``count`` files."""
    driver = page.window.driver

    def stored_copies() -> int:
        found: int = driver.execute_async_script(STORED_COPIES)
        return found

    page.window.wait_until(lambda: stored_copies() == count, stored_copies)
