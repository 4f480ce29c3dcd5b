"""Without JavaScript, a form sends the file, and the list uses links and forms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from tests.browser.files import MIB, quota_of, random_file, sha256, uploads_of
from tests.webdriver.firefox import FirefoxWindow, new_window, started
from tests.webdriver.proxies import BrowserProxies
from tests.webdriver.stored import ready, stored_sha256
from uploads.states import State, Transport


@pytest.fixture(scope="session")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Firefox]:
    """Run another Firefox without JavaScript."""
    with started(tmp_path_factory.mktemp("firefox"), scripting=False) as driver:
        yield driver


@pytest.fixture
def window(
    firefox: webdriver.Firefox, person: User, proxies: BrowserProxies
) -> Iterator[FirefoxWindow]:
    """Yield a window in which `person` is logged in."""
    with new_window(firefox) as window:
        window.sign_in(person, proxies.url)
        yield window


def test_file_is_sent_listed_renamed_and_deleted_without_scripts(
    window: FirefoxWindow, person: User, tmp_path: Path
) -> None:
    file = random_file(tmp_path, "survey.bin", 20 * MIB)
    _ask_for_space(window, "100 MB", "survey.bin")
    window.wait_until(lambda: quota_of(person) == (0, 100_000_000, 0, 1))

    _see(window, "input[type=file]").send_keys(str(file))
    _press(window, "Send")
    _wait_for_text(window, "Checked and stored")

    upload = ready(person, "survey.bin")
    assert upload.transport == Transport.FORM
    assert stored_sha256(upload) == sha256(file)
    assert quota_of(person) == (20 * MIB, 0, 1, 0)

    name = _see(window, "[name=filename]")
    name.clear()
    name.send_keys("final.bin")
    _press(window, "Rename")
    window.wait_until(lambda: "final.bin" in uploads_of(person))
    _wait_for_text(window, "final.bin")
    _press(window, "Delete")
    _wait_for_text(window, "final.bin is deleted.")
    assert uploads_of(person)["final.bin"].state == State.DELETED
    assert quota_of(person) == (0, 0, 0, 0)


def _ask_for_space(window: FirefoxWindow, size: str, name: str) -> None:
    Select(_see(window, "#plain-upload select")).select_by_visible_text(size)
    _see(window, "#plain-upload input[type=text]").send_keys(name)
    _press(window, "Continue")


def _see(window: FirefoxWindow, selector: str) -> WebElement:
    """Wait for a visible element without a script, because scripts cannot run here."""
    found: list[WebElement] = []

    def is_there() -> bool:
        elements = window.driver.find_elements(By.CSS_SELECTOR, selector)
        found[:] = [each for each in elements if each.is_displayed()]
        return bool(found)

    window.wait_until(is_there, lambda: f"No {selector}.")
    return found[0]


def _press(window: FirefoxWindow, label: str) -> None:
    path = f"//button[normalize-space()={label!r}]"
    window.wait_until(lambda: window.driver.find_elements(By.XPATH, path))
    for button in window.driver.find_elements(By.XPATH, path):
        if button.is_displayed():
            button.click()
            return
    pytest.fail(f"No button {label!r}.")


def _wait_for_text(window: FirefoxWindow, words: str) -> None:
    def text() -> str:
        return window.driver.find_element(By.TAG_NAME, "body").text

    window.wait_until(lambda: re.search(re.escape(words), text()), text)
