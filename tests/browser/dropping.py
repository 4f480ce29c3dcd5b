"""Drop files and folders of the disk into Chromium as a person does."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from playwright.sync_api import Page

COPY = 1  # the drag allows a copy


def drop(page: Page, *paths: Path) -> None:
    """Drop files and folders of the disk on the page, as real browser entries."""
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
    """Make the browser fail to open files with these names in dropped folders."""
    page.evaluate(
        """
        ([names, error]) => window.onEntries((entries) => {
          for (const entry of entries.filter(({name}) => names.includes(name))) {
            entry.file = (resolve, reject) => reject(new DOMException("No.", error));
          }
        })
        """,
        [list(names), error],
    )


# Chromium has no global name for the class of a folder's reader, so the script gets
# this class from the first dropped folder.
WATCH_READERS = """
() => {
  const callbacks = [];
  window.onEntries = (callback) => void callbacks.push(callback);
  const getEntry = DataTransferItem.prototype.webkitGetAsEntry;
  let isWatching = false;
  DataTransferItem.prototype.webkitGetAsEntry = function () {
    const entry = getEntry.call(this);
    if (entry?.isDirectory && !isWatching) {
      isWatching = true;
      const reader = Object.getPrototypeOf(entry.createReader());
      const read = reader.readEntries;
      reader.readEntries = function (resolve, reject) {
        read.call(this, async (entries) => {
          for (const callback of callbacks) await callback(entries);
          resolve(entries);
        }, reject);
      };
    }
    return entry;
  };
}
"""


def watch_readers(page: Page) -> None:
    """Define `onEntries(callback)` in the page.

    `callback` gets the entries of a dropped folder before the page gets them.
    """
    page.evaluate(WATCH_READERS)
