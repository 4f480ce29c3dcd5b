"""Files chosen by the browser's own picker can be read again after a reload.

A script cannot press the buttons of the browser's picker. So these tests replace the
picker by a function that returns handles of the origin's private files. The handles are
real, but the test decides whether the page may read their files.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect

from tests.browser.files import MIB, download, payload, quota_of, uploads_of
from tests.browser.upload_page import Traffic, UploadPage
from tests.support.live_site import LiveSite
from uploads.models import UploadPolicy

LARGE = 11 * MIB  # three parts; the page stores copies only of files up to 10 MiB

PICKER = """
const numberOf = (name) => Number(sessionStorage.getItem(name));
const count = (name) => sessionStorage.setItem(name, numberOf(name) + 1);
window.showOpenFilePicker = async ({multiple}) => {
  count("asked");
  if (sessionStorage.refusal) throw new DOMException("No.", sessionStorage.refusal);
  const folder = await navigator.storage.getDirectory();
  const names = JSON.parse(sessionStorage.picked).slice(0, multiple ? undefined : 1);
  return Promise.all(names.map((name) => folder.getFileHandle(name)));
};
FileSystemHandle.prototype.queryPermission = async () =>
  numberOf("questions") > 0 ? sessionStorage.answer : "prompt";
FileSystemHandle.prototype.requestPermission = async () => {
  count("questions");
  return sessionStorage.answer;
};
"""

# Writes a file and returns its SHA-256.
WRITE = """
async ([name, size]) => {
  const bytes = new Uint8Array(size);
  let state = [...name].reduce((sum, letter) => sum * 31 + letter.codePointAt(0), 7);
  for (let at = 0; at < size; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[at] = state >>> 24;
  }
  const folder = await navigator.storage.getDirectory();
  const handle = await folder.getFileHandle(name, {create: true});
  const writable = await handle.createWritable();
  await writable.write(bytes);
  await writable.close();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
"""
# Returns the names of the files whose handles the page has stored for an upload.
STORED_HANDLES = """
() => new Promise((resolve, reject) => {
  const opening = indexedDB.open("slipway");
  opening.onerror = () => reject(opening.error);
  opening.onsuccess = () => {
    const database = opening.result;
    const all = (name) => database.transaction(name).objectStore(name).getAll();
    const [sources, notes] = [all("sources"), all("notes")];
    notes.onerror = () => reject(notes.error);
    notes.onsuccess = () => {
      database.close();
      const begun = notes.result.filter(({uploadId}) => uploadId).map(({id}) => id);
      const kept = sources.result.filter(({id}) => begun.includes(id));
      resolve(kept.map(({filename}) => filename).sort());
    };
  };
})
"""
REMOVE = """
async (name) => (await navigator.storage.getDirectory()).removeEntry(name)
"""


@dataclass
class Disk:
    """The person's files, and the simulated picker with its counters."""

    page: Page

    def write(self, name: str, byte_size: int = LARGE) -> str:
        """Write a file, and return its SHA-256."""
        digest: str = self.page.evaluate(WRITE, [name, byte_size])
        return digest

    def remove(self, name: str) -> None:
        self.page.evaluate(REMOVE, name)

    def will_be_picked(self, *names: str) -> None:
        self._set("picked", json.dumps(names))

    def picker_fails_with(self, error: str) -> None:
        """Let the picker fail with an error of this name.

        An empty name stops the failures.
        """
        self._set("refusal", error)

    def person_answers(self, answer: str) -> None:
        """Set the person's answer to the browser's question for permission to read."""
        self._set("answer", answer)

    @property
    def times_asked(self) -> int:
        """Return how often the page has opened the picker."""
        return self._number("asked")

    @property
    def questions(self) -> int:
        """Return how often the browser has asked for permission to read a file."""
        return self._number("questions")

    def _set(self, name: str, value: str) -> None:
        self.page.evaluate("pair => sessionStorage.setItem(...pair)", [name, value])

    def _number(self, name: str) -> int:
        return int(self.page.evaluate("name => sessionStorage[name] ?? 0", name))


@pytest.fixture
def disk(signed_in: Page) -> Disk:
    signed_in.context.add_init_script(PICKER)
    return Disk(signed_in)


@pytest.fixture
def upload_page(disk: Disk, other_site: LiveSite) -> UploadPage:
    """Open and return the page of `person`'s files in a browser with a picker."""
    upload_page = UploadPage(disk.page, other_site.url)
    upload_page.open()
    return upload_page


@pytest.fixture
def traffic(upload_page: UploadPage) -> Traffic:
    return Traffic(upload_page.page)


def _send_first_parts(
    upload_page: UploadPage, traffic: Traffic, disk: Disk, *names: str
) -> None:
    """Choose these files, send their first parts, and reload the page."""
    upload_page.hold_parts(2, 3)
    disk.will_be_picked(*names)
    upload_page.page.get_by_role("button", name="Choose files").click()
    upload_page.start()
    upload_page.wait_until(lambda: traffic.parts_arrived == [1] * len(names))
    upload_page.wait_until(lambda: traffic.parts_sent.count(2) >= len(names))
    # Wait until the page has stored the handles of the files.
    upload_page.wait_until(lambda: _stored_handles(upload_page.page) == sorted(names))
    upload_page.page.reload()
    upload_page.stop_holding()
    upload_page.wait_for_list()
    for name in names:
        expect(_continue(upload_page, name)).to_be_visible()
    traffic.parts_sent.clear()


def _stored_handles(page: Page) -> list[str]:
    names: list[str] = page.evaluate(STORED_HANDLES)
    return names


def _continue(upload_page: UploadPage, name: str) -> Locator:
    return upload_page.page.get_by_role("button", name=f"Continue {name}")


def test_upload_continues_after_a_reload_when_reading_is_permitted(
    upload_page: UploadPage, traffic: Traffic, disk: Disk, person: User
) -> None:
    digest = disk.write("film.bin")
    disk.person_answers("granted")
    _send_first_parts(upload_page, traffic, disk, "film.bin")

    _continue(upload_page, "film.bin").click()
    upload_page.wait_until_uploaded(1)

    assert (disk.times_asked, disk.questions) == (1, 1)
    assert set(traffic.parts_sent) == {2, 3}
    assert download(upload_page.page, uploads_of(person)["film.bin"]).sha256 == digest
    assert quota_of(person) == (LARGE, 0, 1, 0)
    expect(upload_page.unfinished).to_be_hidden()


def test_one_permission_continues_the_uploads_of_several_files(
    upload_page: UploadPage, traffic: Traffic, disk: Disk, person: User
) -> None:
    digests = {name: disk.write(name) for name in ("a.bin", "b.bin")}
    disk.person_answers("granted")
    _send_first_parts(upload_page, traffic, disk, *digests)

    _continue(upload_page, "b.bin").click()
    for name in digests:
        expect(upload_page.row(name)).to_contain_text("Ready")

    assert (disk.times_asked, disk.questions) == (1, 1)
    stored = uploads_of(person)
    for name, digest in digests.items():
        assert download(upload_page.page, stored[name]).sha256 == digest
    assert quota_of(person) == (2 * LARGE, 0, 2, 0)


def test_changed_file_is_refused_with_a_message(
    upload_page: UploadPage, traffic: Traffic, disk: Disk
) -> None:
    disk.write("film.bin")
    disk.person_answers("granted")
    _send_first_parts(upload_page, traffic, disk, "film.bin")
    disk.write("film.bin", LARGE + 1)

    _continue(upload_page, "film.bin").click()

    notice = upload_page.page.get_by_role("alert")
    expect(notice).to_contain_text(
        "its size is different. Choose the original film.bin"
    )
    expect(_continue(upload_page, "film.bin")).to_be_visible()
    assert traffic.parts_sent == []


def test_page_asks_for_a_deleted_file(
    upload_page: UploadPage, traffic: Traffic, disk: Disk
) -> None:
    disk.write("film.bin")
    disk.person_answers("granted")
    _send_first_parts(upload_page, traffic, disk, "film.bin")
    disk.remove("film.bin")

    _continue(upload_page, "film.bin").click()

    notice = upload_page.page.get_by_role("alert")
    expect(notice).to_contain_text("film.bin was moved, renamed or deleted.")
    disk.picker_fails_with("AbortError")
    _continue(upload_page, "film.bin").click()
    upload_page.wait_until(lambda: disk.times_asked == 2)
    expect(_continue(upload_page, "film.bin")).to_be_visible()


def test_page_asks_for_the_file_when_permission_is_denied(
    upload_page: UploadPage, traffic: Traffic, disk: Disk, person: User
) -> None:
    digest = disk.write("film.bin")
    disk.person_answers("denied")
    _send_first_parts(upload_page, traffic, disk, "film.bin")

    _continue(upload_page, "film.bin").click()
    notice = upload_page.page.get_by_role("alert")
    expect(notice).to_contain_text("The browser has no permission to read film.bin")
    assert disk.times_asked == 1
    _continue(upload_page, "film.bin").click()
    upload_page.wait_until_uploaded(1)

    assert disk.times_asked == 2
    assert set(traffic.parts_sent) == {2, 3}
    expect(notice).to_be_hidden()
    assert download(upload_page.page, uploads_of(person)["film.bin"]).sha256 == digest


def test_keyboard_opens_the_picker_and_cancel_changes_nothing(
    upload_page: UploadPage, disk: Disk
) -> None:
    page = upload_page.page
    disk.write("note.txt", 100)
    choose = page.get_by_role("button", name="Choose files")

    disk.picker_fails_with("AbortError")
    choose.press("Enter")
    upload_page.wait_until(lambda: disk.times_asked == 1)
    expect(choose).to_be_focused()
    expect(upload_page.start_button).to_be_hidden()

    disk.picker_fails_with("")
    disk.will_be_picked("note.txt")
    choose.press("Enter")
    upload_page.start()
    expect(upload_page.row("note.txt")).to_contain_text("Ready")


def test_unreadable_picked_files_are_named_and_remaining_files_taken(
    upload_page: UploadPage, disk: Disk
) -> None:
    page = upload_page.page
    disk.write("here.txt", 100)
    disk.write("gone.txt", 100)
    page.evaluate(
        """
        () => {
          const pick = window.showOpenFilePicker;
          window.showOpenFilePicker = async (options) => {
            const handles = await pick(options);
            const folder = await navigator.storage.getDirectory();
            await folder.removeEntry("gone.txt");
            return handles;
          };
        }
        """
    )
    disk.will_be_picked("gone.txt", "here.txt")

    page.get_by_role("button", name="Choose files").click()

    expect(
        upload_page.notice("1 file added; 1 could not be read: gone.txt")
    ).to_be_visible()
    expect(upload_page.start_button).to_have_text("Upload 1 file")


def test_file_input_is_used_when_the_picker_fails(
    upload_page: UploadPage, disk: Disk
) -> None:
    errors = ("SecurityError", "NotAllowedError", "TypeError")
    for times_asked, error in enumerate(errors, start=1):
        upload_page.open()
        disk.picker_fails_with(error)

        upload_page.choose(payload("note.txt", b"note"))

        assert disk.times_asked == times_asked, error
        expect(upload_page.start_button, error).to_have_text("Upload 1 file")


def test_file_input_is_used_when_the_policy_limits_types(
    disk: Disk, person: User
) -> None:
    UploadPolicy.objects.create(user=person, allowed_content_types=["text/*"])
    upload_page = UploadPage(disk.page)
    upload_page.open()

    upload_page.choose(payload("note.txt", b"note", "text/plain"))

    assert disk.times_asked == 0
    expect(upload_page.start_button).to_have_text("Upload 1 file")
