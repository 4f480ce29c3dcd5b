"""Use the page from the login to the deletion of a file."""

from __future__ import annotations

import re
from pathlib import Path

from django.contrib.auth.models import User

from tests.browser.files import (
    MIB,
    quota_of,
    random_file,
    sha256,
    stored_objects,
    uploads_of,
)
from tests.faults.parts import sent_parts, stored_parts, wait_until_idle
from tests.support.live_site import SMALL_PART
from tests.webdriver.proxies import BrowserProxies
from tests.webdriver.stored import ready, ready_paths, stored_sha256
from tests.webdriver.upload_page import UNFINISHED, UploadPage
from tests.webdriver.webkit import WebKitWindow

SIZE = 7 * SMALL_PART + MIB


def test_file_is_uploaded_searched_renamed_and_deleted_after_a_login(
    window: WebKitWindow, person: User, proxies: BrowserProxies, tmp_path: Path
) -> None:
    window.open(f"{proxies.url}/accounts/login/")
    window.fill("[name=username]", person.username)
    window.fill("[name=password]", "demo")
    window.press("Log in")
    window.find("#file-list, #empty")
    upload_page = UploadPage(window, proxies.url)
    upload_page.open()
    files = [
        random_file(tmp_path, "empty.bin", 0),
        random_file(tmp_path, "one byte.bin", 1),
        random_file(tmp_path, "parts.bin", 2 * SMALL_PART + MIB),
    ]

    upload_page.upload(*files)

    for file in files:
        upload_page.expect_ready(file.name)
        assert stored_sha256(ready(person, file.name)) == sha256(file), file.name
    upload_page.search("ONE")
    upload_page.expect_names("one byte.bin")
    upload_page.act("one byte.bin", "Rename")
    upload_page.answer("Cancel")
    upload_page.rename("one byte.bin", "one.bin")
    upload_page.expect_names("one.bin")
    upload_page.act("one.bin", "Delete")
    upload_page.answer("Delete")
    window.wait_until(lambda: len(stored_objects(person)) == 2)
    assert set(uploads_of(person)) == {"empty.bin", "one.bin", "parts.bin"}
    window.wait_until(lambda: quota_of(person)[2] == 2)


def test_stubbed_folder_is_dropped_with_all_its_files(
    upload_page: UploadPage, person: User
) -> None:
    numbers = {f"{number}.txt": str(number) for number in range(12)}

    upload_page.drop({"harbour": {"2025": numbers, "plan.txt": "plan"}})
    upload_page.wait_until_chosen(13)
    upload_page.start()
    upload_page.wait_until_uploaded(13)

    inside = [f"harbour/2025/{name}" for name in numbers]
    assert ready_paths(person) == sorted([*inside, "harbour/plan.txt"])


def test_only_missing_parts_are_sent_after_a_pause_and_a_reload(
    upload_page: UploadPage, proxies: BrowserProxies, person: User, tmp_path: Path
) -> None:
    film = random_file(tmp_path, "film.bin", SIZE)
    proxies.storage.one_body_at_a_time = True
    proxies.storage.pause_after(SIZE // 2)
    upload_page.choose(film)
    upload_page.start()
    proxies.storage.wait_until_paused()

    upload_page.window.press("Pause")
    upload_page.wait_for_heading("Paused")
    upload_page.reload()
    proxies.end_faults()
    wait_until_idle(proxies.storage)
    safe = set(stored_parts(proxies.storage))
    proxies.storage.clear_exchanges()
    upload_page.window.wait_for_text(UNFINISHED, re.compile("film.bin"))
    upload_page.choose(film, button="Continue film.bin")
    upload_page.wait_until_uploaded(1)

    upload = ready(person, "film.bin")
    all_parts = set(range(1, upload.part_count + 1))
    assert safe
    assert set(sent_parts(proxies.storage)) == all_parts - safe
    assert stored_sha256(upload) == sha256(film)
