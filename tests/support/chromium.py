"""The Chromium of the tests: where it is, and how it is started.

Debian's `chromium-headless-shell` is preferred, as by Playwright itself: the same
browser without the parts that draw windows, for two thirds of the processor's time.
`CHROMIUM=chromium make test-browser` asks for the whole one.
"""

from __future__ import annotations

import os
import shutil

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
_NAMES = (
    *("chromium-headless-shell", "chromium", "chromium-browser"),
    *("google-chrome", "google-chrome-stable"),
)


def find_chromium() -> str:
    """Return the path of Chromium; raises RuntimeError where there is none."""
    wanted = os.environ.get("CHROMIUM")
    for name in [wanted] if wanted else _NAMES:
        if path := shutil.which(name):
            return path
    if wanted:
        raise RuntimeError(f"CHROMIUM is {wanted!r}, and there is no such program.")
    raise RuntimeError("No Chromium: install it, or set CHROMIUM to its path.")
