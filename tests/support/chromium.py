"""Find Chromium for the tests, and the flags to start it.

The tests prefer Debian's `chromium-headless-shell`, as Playwright does. It is the same
browser without windows, and it needs a third less CPU time. `CHROMIUM=chromium make
test-browser` uses the complete browser.
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
    """Return the path of Chromium. Raises RuntimeError if it is not installed."""
    wanted = os.environ.get("CHROMIUM")
    for name in [wanted] if wanted else _NAMES:
        if path := shutil.which(name):
            return path
    if wanted:
        raise RuntimeError(f"CHROMIUM is {wanted!r}, but there is no such program.")
    raise RuntimeError("Chromium is missing. Install it, or set CHROMIUM to its path.")
