"""Files and folders of the disk, dropped into Chromium as a person drops them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from playwright.sync_api import Page

COPY = 1  # what the cursor offers to do


def drop(page: Page, *paths: Path) -> None:
    """Drop files and folders of the disk on the page; they give true entries."""
    devtools = page.context.new_cdp_session(page)
    data = {
        "items": [],
        "files": [str(path) for path in paths],
        "dragOperationsMask": COPY,
    }
    for kind in ("dragEnter", "dragOver", "drop"):
        devtools.send(
            "Input.dispatchDragEvent", {"type": kind, "x": 200, "y": 200, "data": data}
        )
    devtools.detach()


def fail_to_open(page: Page, names: Iterable[str], error: str) -> None:
    """Let the browser fail to open dropped files of these names."""
    page.evaluate(
        """
        ([names, error]) => {
          const open = FileSystemFileEntry.prototype.file;
          FileSystemFileEntry.prototype.file = function (resolve, reject) {
            if (names.includes(this.name)) reject(new DOMException("No.", error));
            else open.call(this, resolve, reject);
          };
        }
        """,
        [list(names), error],
    )
