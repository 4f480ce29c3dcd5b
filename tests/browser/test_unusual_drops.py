"""Unusual drops, names and pastes: each file is taken, or named with a reason."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.browser.dropping import drop, fail_to_open, watch_readers
from tests.browser.files import random_file
from tests.browser.test_left_out_files import ready_paths, write
from tests.browser.upload_page import Traffic, UploadPage
from tests.support.live_site import SMALL_PART, LiveSite
from uploads.states import State

# Lets the browser list only `after` batches of entries of folders with this name. Then
# each call of the folder's reader fails.
BREAK_READER = """
([name, after, error]) => {
  const getEntry = DataTransferItem.prototype.webkitGetAsEntry;
  const broken = (entry) => {
    const create = entry.createReader;
    entry.createReader = function () {
      const reader = create.call(this);
      const read = reader.readEntries;
      let given = 0;
      reader.readEntries = function (resolve, reject) {
        if (given++ >= after) return reject(new DOMException("No.", error));
        read.call(this, resolve, reject);
      };
      return reader;
    };
  };
  DataTransferItem.prototype.webkitGetAsEntry = function () {
    const entry = getEntry.call(this);
    if (entry?.name === name) broken(entry);
    return entry;
  };
  window.onEntries?.((entries) => entries.filter((one) => one.name === name).forEach(broken));
}
"""

# The clipboard of an office program has a table as text, as HTML and as an image.
PASTE_TABLE = """
([selector]) => {
  const transfer = new DataTransfer();
  transfer.setData("text/plain", "1\\t2");
  transfer.setData("text/html", "<table><tr><td>1<td>2</table>");
  transfer.items.add(new File(["picture"], "image.png", {type: "image/png"}));
  document.querySelector(selector).dispatchEvent(
    new ClipboardEvent("paste", {clipboardData: transfer, bubbles: true, cancelable: true}));
}
"""


def test_folder_whose_listing_fails_midway_gives_its_listed_files_and_is_named(
    upload_page: UploadPage, tmp_path: Path
) -> None:
    # Chromium lists 100 entries at a time.
    for number in range(130):
        write(tmp_path / "many" / f"{number}.txt", "x")
    upload_page.page.evaluate(BREAK_READER, ["many", 1, "NotReadableError"])

    drop(upload_page.page, tmp_path / "many")

    notice = upload_page.notice("100 files added; 1 could not be read: many/")
    expect(notice).to_be_visible()
    expect(upload_page.start_button).to_have_text("Upload 100 files")


@pytest.mark.parametrize("error", ["NotReadableError", "NotFoundError"])
def test_unlistable_subfolder_is_named_and_neighbouring_files_are_taken(
    upload_page: UploadPage, person: User, tmp_path: Path, error: str
) -> None:
    for name in ("a.txt", "locked/b.txt", "open/c.txt", "open/deep/d.txt"):
        write(tmp_path / "r" / name, name)
    watch_readers(upload_page.page)
    upload_page.page.evaluate(BREAK_READER, ["locked", 0, error])

    drop(upload_page.page, tmp_path / "r")

    notice = upload_page.notice("3 files added; 1 could not be read: locked/")
    expect(notice).to_contain_text("r/locked/")
    upload_page.start()
    upload_page.wait_until_uploaded(3)
    assert ready_paths(person) == ["r/a.txt", "r/open/c.txt", "r/open/deep/d.txt"]


def test_unreadable_files_of_a_folder_are_all_named(
    upload_page: UploadPage, tmp_path: Path
) -> None:
    names = [f"{number}.txt" for number in range(3)]
    for name in names:
        write(tmp_path / "gone" / name, name)
    watch_readers(upload_page.page)
    fail_to_open(upload_page.page, names, "NotFoundError")

    drop(upload_page.page, tmp_path / "gone")

    words = "0 files added; 3 could not be read: 0.txt, 1.txt, 2.txt"
    expect(upload_page.notice(words)).to_be_visible()
    expect(upload_page.start_button).to_be_hidden()


@pytest.mark.parametrize("way", ["drop", "choose"])
def test_names_that_differ_only_in_unicode_form_are_all_taken(
    upload_page: UploadPage, person: User, tmp_path: Path, way: str
) -> None:
    for name in ("M\u00e4rz.txt", "Ma\u0308rz.txt", "\u212b.txt", "\u00c5.txt"):
        write(tmp_path / "r" / name, "x")

    if way == "drop":
        drop(upload_page.page, tmp_path / "r")
    else:
        upload_page.choose_folder(tmp_path / "r")
    expect(upload_page.start_button).to_have_text("Upload 4 files")
    upload_page.start()
    upload_page.wait_until_uploaded(4)

    twice = ["r/M\u00e4rz.txt"] * 2 + ["r/\u00c5.txt"] * 2
    assert ready_paths(person) == sorted(twice)


def test_pasted_table_is_taken_as_an_image_and_ignored_in_a_text_field(
    upload_page: UploadPage,
) -> None:
    page = upload_page.page
    page.evaluate(PASTE_TABLE, ["#search-text"])
    page.wait_for_timeout(300)
    expect(upload_page.start_button).to_be_hidden()

    page.evaluate(PASTE_TABLE, ["body"])

    expect(upload_page.start_button).to_have_text("Upload 1 file")
    expect(upload_page.chosen).to_contain_text("image.png")


def test_file_that_one_of_three_tabs_is_sending_is_named_in_two_tabs(
    signed_in: Page, other_site: LiveSite, person: User, tmp_path: Path
) -> None:
    tabs = [UploadPage(signed_in, other_site.url)]
    tabs += [UploadPage(signed_in.context.new_page(), other_site.url) for _ in range(2)]
    for tab in tabs:
        tab.open()
    sender, *others = tabs
    film = random_file(tmp_path, "film.bin", 3 * SMALL_PART)
    traffic = Traffic(sender.page)
    sender.page.bring_to_front()
    sender.hold_parts(2)
    sender.choose(film)
    sender.start()
    sender.wait_until(lambda: 1 in traffic.parts_arrived)

    for tab in others:
        tab.page.bring_to_front()
        drop(tab.page, film)
        notice = tab.notice("This file is being sent in another tab.")
        expect(notice).to_contain_text("film.bin")
        expect(tab.start_button).to_be_hidden()
    # The second tab has not sent the file. So the third tab names only the upload of
    # the first tab.
    assert person.uploads.count() == 1
    others[0].notice("being sent").get_by_role("button", name="Add anyway").click()
    expect(others[0].start_button).to_have_text("Upload 1 file")


FOLDERS: dict[str, Callable[[str], str]] = {
    "decomposed": lambda name: unicodedata.normalize("NFD", name),
    "ends in a space": lambda name: f"{name} ",
}


@pytest.mark.parametrize("kind", FOLDERS)
@pytest.mark.parametrize("way", ["drop", "choose"])
def test_unfinished_upload_is_recognised_in_a_folder_with_an_unusual_name(
    signed_in: Page,
    other_site: LiveSite,
    person: User,
    tmp_path: Path,
    kind: str,
    way: str,
) -> None:
    film = random_file(
        tmp_path / FOLDERS[kind]("M\u00e4rz"), "film.bin", 3 * SMALL_PART
    )
    page = UploadPage(signed_in, other_site.url)
    page.open()
    traffic = Traffic(signed_in)
    page.hold_parts(3)
    page.choose_folder(film.parent)
    page.start()
    page.wait_until(lambda: {1, 2, 4} <= set(traffic.parts_arrived))
    signed_in.reload()
    page.wait_for_list()
    expect(page.unfinished).to_contain_text("film.bin")
    page.stop_holding()
    sent = len(traffic.parts_sent)

    if way == "drop":
        drop(signed_in, film.parent)
    else:
        page.choose_folder(film.parent)
    page.wait_until_uploaded(1)

    assert set(traffic.parts_sent[sent:]) == {3}
    assert person.uploads.get().state == State.READY
    assert person.uploads.get().relative_path.strip().startswith("M\u00e4rz")


def test_dropped_again_files_whose_uploads_have_not_started_are_uploaded_once(
    signed_in: Page, other_site: LiveSite, person: User, tmp_path: Path
) -> None:
    films = [random_file(tmp_path, f"{number}.bin", 1000) for number in range(3)]
    page = UploadPage(signed_in, other_site.url)
    page.open()
    signed_in.route("**/api/v1/uploads/batch", lambda _: None)
    drop(signed_in, *films)
    page.start()
    signed_in.get_by_role("button", name="Pause").click()
    signed_in.wait_for_timeout(1500)  # the browser stores copies of the files
    signed_in.reload()
    page.wait_for_list()
    expect(page.unfinished.get_by_text("not started")).to_have_count(3)
    signed_in.unroute_all()

    drop(signed_in, *films)
    page.wait_until_uploaded(3)

    expect(page.unfinished).to_be_hidden()
    signed_in.reload()
    page.wait_for_list()
    expect(page.unfinished).to_be_hidden()
    names = sorted(one.filename for one in person.uploads.all())
    assert names == ["0.bin", "1.bin", "2.bin"]
