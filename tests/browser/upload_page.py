"""The page of a person's files, with elements found by text and role."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from playwright.sync_api import FilePayload, Locator, Page, Request, Route, expect

from tests.support import slowness

TIMEOUT_MS = 120_000 * slowness.TIMEOUT_FACTOR
ADD_FILES = re.compile(r"^(Choose|Add) files$")
ADD_FOLDER = re.compile(r"^(Choose|Add) a folder$")


class UploadPage:
    """Actions of a person on the page, and the content that the person sees."""

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
        """Open the page, and wait for the list of files."""
        self.page.goto(self.url)
        self.wait_for_list()

    def wait_for_list(self) -> None:
        """Wait until the page has loaded the list from the server."""
        expect(self.page.locator("#file-list")).to_have_attribute("aria-busy", "false")

    def choose(self, *files: Path | FilePayload) -> None:
        """Choose files with the button, or add files, without starting the upload."""
        with self.page.expect_file_chooser() as chooser:
            self.page.get_by_role("button", name=ADD_FILES).click()
        chooser.value.set_files(list(files))  # type: ignore[arg-type]

    def choose_folder(self, folder: Path) -> None:
        """Choose or add a whole folder with the button."""
        with self.page.expect_file_chooser() as chooser:
            self.page.get_by_role("button", name=ADD_FOLDER).click()
        chooser.value.set_files(folder)

    def start(self) -> None:
        """Start the upload of the chosen files."""
        self.start_button.click()

    def upload(self, *files: Path | FilePayload) -> None:
        """Choose files, send them, and wait until the page reports them as uploaded."""
        self.choose(*files)
        self.start()
        self.wait_until_uploaded(len(files))

    def wait_until_uploaded(self, count: int) -> None:
        """Wait until the page reports ``count`` files as uploaded."""
        words = f"{count} file uploaded" if count == 1 else f"{count} files uploaded"
        timeout = TIMEOUT_MS * (2 if count > 100 else 1)
        # Each poll of expect() serialises the whole page, which is slow here.
        self.heading(words).wait_for(timeout=timeout)

    def heading(self, words: str | re.Pattern[str]) -> Locator:
        """Return the heading of the upload area that contains these words."""
        return self.upload_area.get_by_role("heading", name=words)

    def row(self, filename: str) -> Locator:
        """Return the row of the list for the file with exactly this name."""
        link = self.page.get_by_role("link", name=filename, exact=True)
        return self.files.get_by_role("listitem").filter(has=link)

    def expect_names(self, *names: str) -> None:
        """Wait until the list has these names, from top to bottom."""
        self.wait_until(lambda: self.names() == list(names), self.names)

    def expect_names_in_any_order(self, *names: str) -> None:
        """Wait until the list has exactly these names, in any order."""
        self.wait_until(lambda: sorted(self.names()) == sorted(names), self.names)

    def wait_until(
        self, condition: Callable[[], bool], facts: Callable[[], object] = lambda: ""
    ) -> None:
        """Wait until the condition is true. Fails with the facts after a timeout."""
        deadline = time.monotonic() + TIMEOUT_MS / 1000
        while not condition():
            assert time.monotonic() < deadline, (
                f"The condition did not become true in time. {facts()}"
            )
            self.page.wait_for_timeout(50)

    def act(self, filename: str, action: str) -> None:
        """Choose an action in the menu of a file."""
        self.row(filename).get_by_role("button", name="Actions for").click()
        self.page.get_by_role("menuitem", name=action).click()

    def notice(self, words: str | re.Pattern[str]) -> Locator:
        """Return the message that contains these words."""
        return self.page.get_by_role("status").filter(has_text=words)

    def hold_parts(self, *part_numbers: int) -> None:
        """Hold these parts in the browser until `stop_holding` is called."""
        self.page.route(_parts(part_numbers), _wait_for_ever)

    def stop_holding(self) -> None:
        """Stop holding parts. Held parts stay held."""
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
    """Counts the page's requests from the creation of this object.

    ``bytes_sent`` counts the bytes of text bodies, without the files sent to the
    bucket.
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
        """Return the number of bodies sent to the bucket."""
        return sum(1 for method, _ in self.sent if method == "PUT")

    @property
    def changes(self) -> int:
        """Return the number of requests with methods other than GET."""
        return sum(1 for method, _ in self.sent if method != "GET")

    def requests_to(self, path: str) -> int:
        """Return the number of changing requests whose path matches."""
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
