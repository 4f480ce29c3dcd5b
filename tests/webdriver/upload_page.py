"""The page of a person's files under WebDriver. Only this module has its selectors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.webdriver.window import Window

UPLOAD = "#upload"
NOTICES = "#notices"
UNFINISHED = "#unfinished"
QUOTA = "header"
_FILE_LIST = "#file-list"
_SEARCH = "#search-text"
_NAME = "#rename-text"
_DIALOG = "dialog[open]"
_START = r"Upload [\d,]+ files?"
_NAMES = """
return [...document.querySelectorAll("#file-list a.file__name")]
  .map((link) => link.querySelector("[title]")?.title ?? link.textContent);
"""
_STATE = """
const [name] = arguments;
const row = [...document.querySelectorAll("#file-list li")]
  .find((row) => row.querySelector("a.file__name [title]")?.title === name);
return row?.querySelector(".file__state")?.textContent ?? "";
"""

# A dropped tree: a mapping of names. A file is its text, or None if the browser cannot
# open it. A folder is a mapping, or UNREADABLE if the browser cannot list it.
Tree = Mapping[str, "str | Tree | None"]
UNREADABLE: Tree = {"": None}
_DROP = """
const [tree, isOver] = arguments;
const notReadable = () => new DOMException("The file could not be read.", "NotReadableError");
const file = (name, path, text) => ({
  isFile: true, isDirectory: false, name, fullPath: path,
  file: (done, fail) => setTimeout(() => text === null
    ? fail(notReadable())
    : done(new File([text], name, {type: "text/plain", lastModified: 1700000000000}))),
});
const folder = (name, path, entries) => ({
  isFile: false, isDirectory: true, name, fullPath: path,
  createReader: () => {
    const left = Object.entries(entries).map(([each, what]) => entry(each, `${path}/${each}`, what));
    // Browsers give some entries at a time, and at the end none.
    return { readEntries: (done, fail) => setTimeout(() =>
      "" in entries ? fail(notReadable()) : done(left.splice(0, 5))) };
  },
});
const entry = (name, path, what) =>
  what === null || typeof what === "string" ? file(name, path, what) : folder(name, path, what);
const plain = (name, text) => new File([text ?? ""], name, {type: "text/plain", lastModified: 1700000000000});
const items = Object.entries(tree).map(([name, what]) => ({
  kind: "file", type: "text/plain",
  webkitGetAsEntry: () => entry(name, `/${name}`, what),
  getAsFile: () => plain(name, typeof what === "string" ? what : ""),
}));
const dataTransfer = { types: ["Files"], items, files: items.map((item) => item.getAsFile()),
  dropEffect: "none", effectAllowed: "all" };
const send = (type) => {
  const event = new Event(type, {bubbles: true, cancelable: true});
  Object.defineProperty(event, "dataTransfer", {value: dataTransfer});
  document.querySelector("footer, body").dispatchEvent(event);
};
send("dragenter");
send("dragover");
if (!isOver) send("drop");
"""
# In Firefox, a script cannot create a paste event with files. So the script adds the
# files to the event as a property.
_PASTE = """
const transfer = new DataTransfer();
for (const [name, text] of arguments) {
  transfer.items.add(new File([text], name, {type: "text/plain"}));
}
const event = new Event("paste", {bubbles: true, cancelable: true});
Object.defineProperty(event, "clipboardData", {value: transfer});
document.body.dispatchEvent(event);
"""


class UploadPage:
    """Actions of a person on the page, and the content that the person sees."""

    def __init__(self, window: Window, url: str) -> None:
        self.window = window
        self.url = url

    def open(self) -> None:
        """Open the page, and wait for the list of files."""
        self.window.open(self.url)
        self.wait_for_list()

    def reload(self) -> None:
        """Reload the page, accept its question, and wait for the list of files."""
        self.window.reload()
        self.wait_for_list()

    def wait_for_list(self) -> None:
        """Wait until the page has loaded the list from the server."""
        self.window.find(f'{_FILE_LIST}[aria-busy="false"], #empty:not([hidden])')

    def choose(self, *files: Path, button: str = "Choose files") -> None:
        """Choose files with the button, without starting the upload."""
        self.window.choose(lambda: self.window.press(button), files)

    def start(self) -> None:
        """Start the upload of the chosen files."""
        self.window.press(_START)

    def upload(self, *files: Path) -> None:
        """Choose files, send them, and wait until the page reports them as uploaded."""
        self.choose(*files)
        self.start()
        self.wait_until_uploaded(len(files))

    def wait_until_uploaded(self, count: int) -> None:
        """Wait until the page reports ``count`` files as uploaded."""
        words = f"{count} file uploaded" if count == 1 else f"{count} files uploaded"
        self.wait_for_heading(words)

    def wait_for_heading(self, words: str) -> None:
        """Wait for a heading of the upload area that matches ``words``."""
        self.window.wait_until(
            lambda: self.window.find_all(f"{UPLOAD} h2", words),
            lambda: f"No heading {words!r} in {self.window.text('main')!r}.",
        )

    def wait_until_chosen(self, count: int) -> None:
        """Wait until the start button shows this number of files."""
        self.window.button(f"Upload {count} files?")

    def drop(self, tree: Tree) -> None:
        """Drop files and folders on the footer of the page.

        WebDriver cannot drop files, so the script's event has stubs of the browser's
        entries.
        """
        self.window.run(_DROP, dict(tree), False)

    def drag_over(self, tree: Tree) -> None:
        """Drag files over the page without dropping them."""
        self.window.run(_DROP, dict(tree), True)

    def paste(self, *files: tuple[str, str]) -> None:
        """Paste files, given as name and text, into the page."""
        self.window.run(_PASTE, *map(list, files))

    def names(self) -> list[str]:
        """Return the names of the list, from top to bottom."""
        found: list[str] = self.window.run(_NAMES)
        return found

    def expect_names(self, *names: str) -> None:
        """Wait until the list has these names, from top to bottom."""
        self.window.wait_until(lambda: self.names() == list(names), self.names)

    def expect_names_in_any_order(self, names: Sequence[str]) -> None:
        """Wait until the list has exactly these names, in any order."""
        self.window.wait_until(
            lambda: sorted(self.names()) == sorted(names), self.names
        )

    def expect_ready(self, name: str) -> None:
        """Wait until the list shows a file as ready."""
        self.window.wait_until(
            lambda: self.window.run(_STATE, name) == "Ready", self.names
        )

    def act(self, name: str, action: str) -> None:
        """Choose an action in the menu of a file."""
        self.window.press(f"Actions for {re.escape(name)}")
        self.window.press(action)

    def answer(self, button: str) -> None:
        """Press a button of the open dialog."""
        self.window.find(_DIALOG)
        self.window.wait_until(
            lambda: self.window.find_all(f"{_DIALOG} button", button)
        )
        self.window.find(f"{_DIALOG} button", button).click()

    def rename(self, name: str, new_name: str) -> None:
        """Rename a file by its menu."""
        self.act(name, "Rename")
        self.window.fill(_NAME, new_name)
        self.answer("Rename")

    def search(self, words: str) -> None:
        """Type into the search field."""
        self.window.fill(_SEARCH, words)
