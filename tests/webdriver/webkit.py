"""Drive WebKitGTK by Selenium: a new browser for each window, on a virtual screen.

WebKitGTK's driver cannot answer the browser's file dialog. So a script intercepts the
page's call that opens the dialog, and the driver sets the files of the page's input.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.webkitgtk.service import Service

from tests.support.browser_errors import LOG_VIOLATIONS, BrowserErrors
from tests.webdriver.window import Window

_WIDE = (1280, 900)
_LONGEST = 300
_BROWSER = Path(__file__).with_name("webkit_window.py")
_PRELOAD = (
    """
if (document.contentType !== "text/html") return;  // WebKit adds a style to plain text
window._errors = [];
const write = console.error;
console.error = (...words) => { window._errors.push(words.join(" ")); write(...words); };
addEventListener("error", ({message}) => window._errors.push(message));
addEventListener("unhandledrejection", ({reason}) => window._errors.push(String(reason)));
const click = HTMLInputElement.prototype.click;
HTMLInputElement.prototype.click = function () {
  if (this.type === "file") window._asked = this;
  else click.call(this);
};
"""
    + LOG_VIOLATIONS
)


class WebKitWindow(Window):
    """A window that is a separate browser process."""

    def open(self, url: str) -> None:
        self.collect_errors()
        super().open(url)

    def reload(self) -> None:
        self.collect_errors()
        super().reload()

    def set_cookie(self, name: str, value: str, url: str) -> None:
        self.driver.get(f"{url}/healthz")
        self.driver.add_cookie({"name": name, "value": value, "sameSite": "Lax"})

    def choose(self, press: Callable[[], None], files: Sequence[Path]) -> None:
        self.run("window._asked = null")
        press()
        asked: list[WebElement] = []

        def is_asked() -> bool:
            asked[:] = [self.run("return window._asked")]
            return asked[0] is not None

        self.wait_until(is_asked, lambda: "The page asked for no file.")
        asked[0].send_keys("\n".join(map(str, files)))

    def collect_errors(self) -> None:
        """Collect the errors of the page before the browser leaves it."""
        for error in self.run("return window._errors ?? []"):
            self.browser_errors.add(error[:_LONGEST])


def find_driver() -> str:
    """Return the path of WebKit's driver.

    Raises RuntimeError if it is not installed.
    """
    path = shutil.which("WebKitWebDriver")
    if path is None:
        raise RuntimeError("WebKitWebDriver is missing. Install webkit2gtk-driver.")
    return path


@contextmanager
def screen() -> Iterator[str]:
    """Run an X server without a screen. Yield the name of its display."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-nolisten", "tcp"]
    command += ["-screen", "0", "1400x1000x24"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    try:
        with os.fdopen(read) as answer:
            display = answer.readline().strip()
        assert display, "Xvfb did not start."
        yield f":{display}"
    finally:
        server.terminate()
        server.wait()


@contextmanager
def new_window(display: str, home: Path) -> Iterator[WebKitWindow]:
    """Start a browser with its data in ``home``.

    Fails at the end if its pages had errors.
    """
    options = webdriver.WebKitGTKOptions()
    options.binary_location = str(_BROWSER)
    options.add_argument("--automation")
    preload = home / "preload.js"
    preload.write_text(f"(() => {{ {_PRELOAD} }})();")
    environment: dict[str, Any] = {
        **os.environ,
        "DISPLAY": display,
        "HOME": str(home),
        "WEBKIT_DATA": str(home / "data"),
        "WEBKIT_PRELOAD": str(preload),
    }
    # Without these variables, the browser cannot use the folders of a desktop session.
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        environment.pop(name, None)
    service = Service(find_driver(), env=environment)
    with warnings.catch_warnings():  # Selenium calls a deprecated function
        warnings.simplefilter("ignore", DeprecationWarning)
        driver = webdriver.WebKitGTK(options=options, service=service)
    browser_errors = BrowserErrors()
    window = WebKitWindow(driver, browser_errors)
    try:
        window.set_size(*_WIDE)
        yield window
        window.collect_errors()
    finally:
        try:
            driver.quit()
        except WebDriverException:
            service.stop()
    if browser_errors:
        pytest.fail("The browser reported errors:\n" + "\n".join(browser_errors))
