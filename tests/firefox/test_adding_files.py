"""Files can be added by drop, by paste and by the keyboard alone.

WebDriver cannot drop files, and Firefox's automation accepts no folders. So the tests
named "stubbed" give the page stubs of the browser's entries.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser.files import quota_of, random_file, uploads_of
from tests.webdriver.firefox import FirefoxWindow
from tests.webdriver.stored import ready_paths
from tests.webdriver.upload_page import UploadPage
from tests.webdriver.window import Window
from uploads.states import State

VEIL = "#veil"
MOST_TABS = 60


def test_stubbed_files_dropped_anywhere_in_the_window_are_taken(
    upload_page: UploadPage, person: User
) -> None:
    upload_page.drag_over({"one.txt": "one"})
    upload_page.window.find(VEIL)
    upload_page.drop({"one.txt": "one", "two.txt": "two"})
    upload_page.wait_until_chosen(2)
    assert upload_page.window.find_all(VEIL) == []
    upload_page.start()
    upload_page.wait_until_uploaded(2)

    assert set(uploads_of(person)) == {"one.txt", "two.txt"}
    assert quota_of(person) == (len("onetwo"), 0, 2, 0)


def test_stubbed_folder_is_dropped_with_all_its_files(
    upload_page: UploadPage, person: User
) -> None:
    years = {
        str(year): {f"{number}.txt": f"{year} {number}" for number in range(12)}
        for year in (2024, 2025)
    }

    upload_page.drop({"harbour": {**years, "plan.txt": "plan"}, "alone.txt": "alone"})
    upload_page.wait_until_chosen(26)
    upload_page.start()
    upload_page.wait_until_uploaded(26)

    inside = [f"harbour/{year}/{number}.txt" for year in years for number in range(12)]
    found = ready_paths(person)
    assert [path for path in found if "/" in path] == sorted(
        [*inside, "harbour/plan.txt"]
    )
    assert len(found) == 26


def test_pasted_files_are_taken(upload_page: UploadPage, person: User) -> None:
    upload_page.paste(("pasted.txt", "pasted"))
    upload_page.wait_until_chosen(1)
    upload_page.start()
    upload_page.wait_until_uploaded(1)

    assert set(uploads_of(person)) == {"pasted.txt"}


def test_keyboard_alone_uploads_and_deletes_a_file(
    upload_page: UploadPage, person: User, tmp_path: Path
) -> None:
    window = upload_page.window
    letter = random_file(tmp_path, "letter.txt", 500)

    def enter_on(name: str) -> None:
        _tab_to(window, name)
        _keys(window, Keys.ENTER)

    window.button("Choose files")
    window.choose(lambda: enter_on("Choose files"), [letter])
    upload_page.wait_until_chosen(1)
    enter_on("Upload 1 file")
    upload_page.expect_ready("letter.txt")

    enter_on("Actions for letter.txt")
    window.wait_until(lambda: window.focused() == "Download", window.focused)
    _keys(window, Keys.END)
    window.wait_until(lambda: window.focused() == "Delete", window.focused)
    _keys(window, Keys.ENTER)
    window.wait_until(lambda: window.focused() == "Keep", window.focused)
    _keys(window, Keys.TAB)
    _keys(window, Keys.ENTER)

    window.wait_for_text("#empty", "Your files will be here")
    assert uploads_of(person)["letter.txt"].state == State.DELETED
    assert quota_of(person) == (0, 0, 0, 0)


@pytest.mark.parametrize("width", [1280, 390])
def test_page_needs_no_horizontal_scrolling(
    upload_page: UploadPage, window: FirefoxWindow, tmp_path: Path, width: int
) -> None:
    upload_page.upload(random_file(tmp_path, f"{'long ' * 30}name.bin", 10))

    window.set_size(width, 844)

    script = "return [innerWidth, document.documentElement.scrollWidth]"
    inner, needed = window.run(script)
    assert inner == width
    assert needed <= width


def _keys(window: Window, keys: str) -> None:
    ActionChains(window.driver).send_keys(keys).perform()


def _tab_to(window: Window, name: str) -> None:
    for _ in range(MOST_TABS):
        if window.focused() == name:
            return
        _keys(window, Keys.TAB)
    pytest.fail(f"The Tab key never reached {name!r}.")
