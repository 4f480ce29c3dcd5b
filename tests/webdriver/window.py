"""One browser window under WebDriver, in Firefox or WebKitGTK."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    StaleElementReferenceException,
)
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement

from tests.support import slowness
from tests.support.browser_errors import BrowserErrors
from tests.support.sessions import new_session

TIMEOUT_SECONDS = 120 * slowness.TIMEOUT_FACTOR
_TICK_SECONDS = 0.05
_NOT_YET = (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    StaleElementReferenceException,
)

# Returns the visible elements whose accessible name matches a pattern.
_FIND = """
const [selector, pattern, isWhole] = arguments;
const wanted = new RegExp(isWhole ? `^(?:${pattern})$` : pattern);
const isShown = (element) =>
  element.getClientRects().length > 0 && getComputedStyle(element).visibility === "visible";
const nameOf = (element) =>
  (element.getAttribute("aria-label") || element.labels?.[0]?.textContent || element.textContent)
    .trim().replace(/\\s+/g, " ");
return [...document.querySelectorAll(selector)]
  .filter((element) => isShown(element) && wanted.test(nameOf(element)));
"""
_BUTTONS = "button, summary, [role=button], [role=menuitem]"
_LINKS = "a[href]"


class Window:
    """Actions of a person in the window, and the content that the person sees."""

    def __init__(self, driver: WebDriver, browser_errors: BrowserErrors) -> None:
        self.driver = driver
        self.browser_errors = browser_errors

    def open(self, url: str) -> None:
        """Open a URL."""
        self.driver.get(url)

    def reload(self) -> None:
        """Reload the page."""
        self.driver.refresh()

    def sign_in(self, person: User, url: str) -> None:
        """Log in without the login page, and open a URL."""
        self.set_cookie(settings.SESSION_COOKIE_NAME, new_session(person), url)
        self.open(url)

    def set_cookie(self, name: str, value: str, url: str) -> None:
        """Set a cookie for the site with this URL."""
        raise NotImplementedError

    def run(self, script: str, *arguments: Any) -> Any:
        """Run JavaScript in the page, and return its result."""
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str, name: str = "", *, whole: bool = True) -> WebElement:
        """Wait for a visible element whose accessible name matches, and return it."""
        found: list[WebElement] = []

        def is_there() -> bool:
            found[:] = self.find_all(selector, name, whole=whole)
            return bool(found)

        self.wait_until(is_there, lambda: f"No {selector} {name!r}.")
        return found[0]

    def find_all(
        self, selector: str, name: str = "", *, whole: bool = True
    ) -> list[WebElement]:
        """Return the visible elements whose name matches.

        An empty ``name`` matches all.
        """
        found: list[WebElement] = self.run(_FIND, selector, name, whole and bool(name))
        return found

    def button(self, name: str) -> WebElement:
        """Wait for a button or menu item whose name matches, and return it."""
        return self.find(_BUTTONS, name)

    def has_button(self, name: str) -> bool:
        """Return whether a button or menu item with this name is visible now."""
        return bool(self.find_all(_BUTTONS, name))

    def press(self, name: str) -> None:
        """Click a button as soon as it can be clicked."""
        self._click(lambda: self.button(name))

    def follow(self, name: str) -> None:
        """Click a link as soon as it can be clicked."""
        self._click(lambda: self.find(_LINKS, name))

    def fill(self, selector: str, text: str) -> None:
        """Replace the text of a field."""
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def text(self, selector: str) -> str:
        """Return the text of the first visible element that matches, or ""."""
        script = """
        const element = document.querySelector(arguments[0]);
        return element?.getClientRects().length > 0 ? element.innerText : "";
        """
        found: str = self.run(script, selector)
        return found

    def wait_for_text(self, selector: str, words: str | re.Pattern[str]) -> None:
        """Wait until the element's text contains these words."""
        pattern = words if isinstance(words, re.Pattern) else re.escape(words)
        self.wait_until(
            lambda: bool(re.search(pattern, self.text(selector))),
            lambda: f"{words!r} is not in {self.text(selector)!r}.",
        )

    def focused(self) -> str:
        """Return the accessible name of the element that has the focus."""
        script = """
        const element = document.activeElement;
        return (element.getAttribute("aria-label") || element.textContent).trim();
        """
        found: str = self.run(script)
        return found

    def wait_until(
        self,
        condition: Callable[[], object],
        facts: Callable[[], object] = lambda: "",
        *,
        seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        """Wait until the condition is true. Fails with the facts after a timeout."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, (
                f"The condition did not become true in time. {facts()}"
            )
            time.sleep(_TICK_SECONDS)

    def set_size(self, width: int, height: int) -> None:
        """Give the page this size in CSS pixels."""
        self.driver.set_window_size(width, height)

    def choose(self, press: Callable[[], None], files: Sequence[Path]) -> None:
        """Call ``press``, which opens a file dialog, and choose these files."""
        raise NotImplementedError

    def _click(self, find: Callable[[], WebElement]) -> None:
        def is_clicked() -> bool:
            try:
                find().click()
            except _NOT_YET:
                return False
            return True

        self.wait_until(is_clicked, lambda: "It could not be clicked.")
