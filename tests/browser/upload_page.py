"""The page of a person's files, by the words and roles that people meet."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from playwright.sync_api import FilePayload, Locator, Page, Request, Route, expect

from tests.support import slowness

PATIENCE_MS = 120_000 * slowness.PATIENCE
ADD_FILES = re.compile(r"^(Choose|Add) files$")
ADD_FOLDER = re.compile(r"^(Choose|Add) a folder$")


class UploadPage:
    """What a person does on the page, and what they see there."""

    def __init__(self, page: Page, url: str = "/") -> None:
        self.page = page
        self.url = url
        self.files = page.get_by_role("region", name="Files")
        self.unfinished = page.get_by_role("region", name="Unfinished")
        self.upload_area = page.get_by_role("region", name="Upload", exact=True)
        self.progress = page.get_by_role(
            "progressbar", name="Upload", exact=True, include_hidden=True
        )
        self.start_button = page.get_by_role("button", name=re.compile(r"^Upload \d"))
        self.search = page.get_by_role("searchbox", name="Search your files by name")
        self.chosen = page.get_by_role("list", name="Chosen files")
        self.quota = page.get_by_role("banner").get_by_text(re.compile(" used"))

    def open(self) -> None:
        """Open the page and wait for its list."""
        self.page.goto(self.url)
        self.wait_for_list()

    def wait_for_list(self) -> None:
        """Wait until the list was read from the server."""
        expect(self.page.locator("#file-list")).to_have_attribute("aria-busy", "false")

    def choose(self, *files: Path | FilePayload) -> None:
        """Choose files by the button, or add them; nothing is sent yet."""
        with self.page.expect_file_chooser() as chooser:
            self.page.get_by_role("button", name=ADD_FILES).click()
        chooser.value.set_files(list(files))  # type: ignore[arg-type]

    def choose_folder(self, folder: Path) -> None:
        """Choose a whole folder by the button, or add it."""
        with self.page.expect_file_chooser() as chooser:
            self.page.get_by_role("button", name=ADD_FOLDER).click()
        chooser.value.set_files(folder)

    def start(self) -> None:
        """Send what was chosen."""
        self.start_button.click()

    def upload(self, *files: Path | FilePayload) -> None:
        """Choose files, send them and wait until the page says they have arrived."""
        self.choose(*files)
        self.start()
        self.wait_until_uploaded(len(files))

    def wait_until_uploaded(self, count: int) -> None:
        """Wait until the page says that so many files have arrived."""
        words = f"{count} file uploaded" if count == 1 else f"{count} files uploaded"
        patience = PATIENCE_MS * (2 if count > 100 else 1)
        # Each look of an expect() describes the whole page, which takes long here.
        self.heading(words).wait_for(timeout=patience)

    def heading(self, words: str | re.Pattern[str]) -> Locator:
        """Return the heading of the upload area with these words."""
        return self.upload_area.get_by_role("heading", name=words)

    def row(self, filename: str) -> Locator:
        """Return the line of the list that is about a file of exactly this name."""
        link = self.page.get_by_role("link", name=filename, exact=True)
        return self.files.get_by_role("listitem").filter(has=link)

    def expect_names(self, *names: str) -> None:
        """Wait until the list has these names, from top to bottom."""
        self.wait_until(lambda: self.names() == list(names), self.names)

    def expect_names_in_any_order(self, *names: str) -> None:
        """Wait until the list has these names and no others."""
        self.wait_until(lambda: sorted(self.names()) == sorted(names), self.names)

    def wait_until(
        self, condition: Callable[[], bool], facts: Callable[[], object] = lambda: ""
    ) -> None:
        """Let the page go on until the condition holds; tell the facts if it never does."""
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while not condition():
            assert time.monotonic() < deadline, f"It did not come to that. {facts()}"
            self.page.wait_for_timeout(50)

    def act(self, filename: str, action: str) -> None:
        """Choose an action in the menu of a file."""
        self.row(filename).get_by_role("button", name="Actions for").click()
        self.page.get_by_role("menuitem", name=action).click()

    def notice(self, words: str | re.Pattern[str]) -> Locator:
        """Return the message with these words."""
        return self.page.get_by_role("status").filter(has_text=words)

    def hold_parts(self, *part_numbers: int) -> None:
        """Keep these parts from leaving the browser, until `let_go`."""
        self.page.route(_parts(part_numbers), _wait_for_ever)

    def let_go(self) -> None:
        """Let all parts travel that are sent from now on."""
        self.page.unroute_all()

    def names(self) -> list[str]:
        """Return the names in the list, from top to bottom."""
        links = self.files.get_by_role("listitem").get_by_role("link")
        found: list[str] = links.evaluate_all(
            "links => links.filter(link => !link.hasAttribute('download'))"
            ".map(link => link.querySelector('[title]').title)"
        )
        return found


class Traffic:
    """Counts what the page sends; begins when it is made.

    ``bytes_sent`` counts the bodies that are texts: not the files that go to the bucket.
    """

    def __init__(self, page: Page) -> None:
        self.sent: list[tuple[str, str]] = []
        self.parts_sent: list[int] = []
        self.parts_arrived: list[int] = []
        self.bytes_sent = 0
        page.on("request", self._note)
        page.on("requestfinished", lambda request: self._arrive(request.url))

    @property
    def puts(self) -> int:
        """How many bodies were sent to the bucket."""
        return sum(1 for method, _ in self.sent if method == "PUT")

    @property
    def changes(self) -> int:
        """How many requests were sent that do more than read."""
        return sum(1 for method, _ in self.sent if method != "GET")

    def requests_to(self, path: str) -> int:
        """Return how many requests that change something went to such a path."""
        return sum(1 for method, url in self.sent if method != "GET" and path in url)

    def _note(self, request: Request) -> None:
        self.sent.append((request.method, request.url))
        self.parts_sent += _part_number(request.url)
        self.bytes_sent += len(request.post_data_buffer or b"")

    def _arrive(self, url: str) -> None:
        self.parts_arrived += _part_number(url)


def _part_number(url: str) -> list[int]:
    return [int(number) for number in re.findall(r"[?&]partNumber=(\d+)", url)]


def _parts(numbers: Sequence[int]) -> re.Pattern[str]:
    return re.compile(rf"[?&]partNumber=({'|'.join(map(str, numbers))})(&|$)")


def _wait_for_ever(_: Route) -> None:
    return
