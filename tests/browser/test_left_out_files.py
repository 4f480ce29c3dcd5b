"""Each dropped, pasted or chosen file is in the list, or named with a reason."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.dropping import drop, fail_to_open, watch_readers
from tests.browser.files import payload, png, quota_of, random_file, uploads_of
from tests.browser.upload_page import Traffic, UploadPage
from tests.support.live_site import SMALL_PART, LiveSite
from uploads.models import StorageQuota, Upload, UploadPolicy
from uploads.states import State

LONG_AGO = 1_700_000_000

PASTE = """
(files) => {
  const transfer = new DataTransfer();
  for (const [name, bytes] of files) {
    const content = new Uint8Array(bytes);
    transfer.items.add(new File([content], name, {type: "image/png", lastModified: 1}));
  }
  const at = document.activeElement ?? document.body;
  at.dispatchEvent(
    new ClipboardEvent("paste", {clipboardData: transfer, bubbles: true, cancelable: true}));
}
"""

# Sends messages to other tabs 3 s late, as on a busy machine.
LATE_MESSAGES = """
const post = BroadcastChannel.prototype.postMessage;
BroadcastChannel.prototype.postMessage = function (message) {
  setTimeout(() => post.call(this, message), 3000);
};
"""


def write(path: Path, content: str) -> Path:
    """Write a file with a fixed modification time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def ready_paths(person: User) -> list[str]:
    """Return the paths of the person's ready files, sorted."""
    uploads = Upload.objects.filter(owner=person, state=State.READY)
    return sorted(upload.relative_path or upload.filename for upload in uploads)


class HeldCompletions:
    """Holds the page's calls of `complete` until `release` is called."""

    def __init__(self, page: Page) -> None:
        self._routes: list[Route] = []
        self._is_released = False
        page.route("**/complete*", self._hold)

    def __len__(self) -> int:
        return len(self._routes)

    def release(self) -> None:
        self._is_released = True
        for route in self._routes:
            route.continue_()

    def _hold(self, route: Route) -> None:
        if self._is_released:
            route.continue_()
        else:
            self._routes.append(route)


def button(page: UploadPage, name: str) -> Locator:
    return page.page.get_by_role("button", name=name, exact=True)


@pytest.mark.parametrize("error", ["NotFoundError", "EncodingError", "SecurityError"])
def test_unreadable_file_of_a_dropped_folder_does_not_stop_other_files(
    upload_page: UploadPage, person: User, tmp_path: Path, error: str
) -> None:
    for number in range(15):
        write(tmp_path / "harbour" / f"b{number}.txt", f"{number}")
    watch_readers(upload_page.page)
    fail_to_open(upload_page.page, ["b2.txt"], error)

    drop(upload_page.page, tmp_path / "harbour")

    notice = upload_page.notice("14 files added; 1 could not be read: b2.txt")
    expect(notice).to_be_visible()
    expect(upload_page.start_button).to_have_text("Upload 14 files")
    upload_page.start()
    upload_page.wait_until_uploaded(14)
    assert ready_paths(person) == sorted(
        f"harbour/b{number}.txt" for number in range(15) if number != 2
    )


def test_dropped_files_deleted_meanwhile_are_named_and_remaining_files_taken(
    upload_page: UploadPage, tmp_path: Path
) -> None:
    folder = tmp_path / "many"
    for number in range(3000):
        write(folder / f"{number}.dat", "x")
    gone = [f"{number}.dat" for number in range(5, 3000, 300)]

    def vanish() -> None:
        for name in gone:
            (folder / name).unlink(missing_ok=True)

    page = upload_page.page
    page.expose_function("vanish", vanish)
    # The browser lists all names before it opens the first file. The test then deletes
    # some files.
    watch_readers(page)
    page.evaluate(
        "() => window.onEntries(({length}) => length === 0 ? window.vanish() : null)"
    )

    drop(page, folder)

    expect(upload_page.start_button).to_have_text("Upload 2,990 files")
    notice = upload_page.notice("2,990 files added; 10 could not be read")
    for name in gone:
        expect(notice).to_contain_text(f"many/{name}")
    expect(upload_page.chosen.get_by_role("listitem").nth(3)).to_be_visible()
    assert upload_page.chosen.get_by_role("listitem").count() < 40


@pytest.mark.parametrize("way", ["drop", "choose"])
def test_names_that_differ_only_in_case_are_all_taken(
    upload_page: UploadPage, person: User, tmp_path: Path, way: str
) -> None:
    names = ["A/x.txt", "README.txt", "a/x.txt", "readme.txt"]
    for name in names:
        write(tmp_path / "r" / name, name[0])

    if way == "drop":
        drop(upload_page.page, tmp_path / "r")
    else:
        upload_page.choose_folder(tmp_path / "r")
    expect(upload_page.start_button).to_have_text("Upload 4 files")
    upload_page.start()
    upload_page.wait_until_uploaded(4)

    assert ready_paths(person) == [f"r/{name}" for name in names]


def test_drop_of_several_items_takes_all_files_and_names_an_empty_folder(
    upload_page: UploadPage, person: User, tmp_path: Path
) -> None:
    write(tmp_path / "one" / "a.txt", "a")
    write(tmp_path / "two" / "deep" / "a.txt", "b")
    (tmp_path / "nothing").mkdir()
    alone = write(tmp_path / "a.txt", "c")

    drop(upload_page.page, tmp_path / "nothing")
    expect(upload_page.notice("This folder is empty.")).to_contain_text("nothing")
    expect(upload_page.start_button).to_be_hidden()
    drop(
        upload_page.page,
        *(tmp_path / name for name in ("one", "two", "nothing")),
        alone,
    )
    expect(upload_page.start_button).to_have_text("Upload 3 files")
    upload_page.start()
    upload_page.wait_until_uploaded(3)

    assert ready_paths(person) == ["a.txt", "one/a.txt", "two/deep/a.txt"]


@pytest.mark.parametrize("images", [(png(8, 4), png(4, 8)), (png(), png())])
def test_pasted_images_with_equal_names_and_times_are_two_files(
    upload_page: UploadPage, person: User, images: Sequence[bytes]
) -> None:
    # Pasting into a text field also takes the images, because there is no text to
    # paste.
    upload_page.upload(payload("first.txt", b"first"))
    upload_page.search.focus()

    upload_page.page.evaluate(PASTE, [["image.png", list(image)] for image in images])
    expect(upload_page.start_button).to_have_text("Upload 2 files")
    upload_page.start()
    upload_page.wait_until_uploaded(2)

    assert person.uploads.filter(filename="image.png").count() == 2


def test_file_with_the_facts_of_an_upload_in_progress_is_sent(
    upload_page: UploadPage, person: User, tmp_path: Path
) -> None:
    held = HeldCompletions(upload_page.page)
    first = write(tmp_path / "camera 1" / "IMG_1.txt", "one")
    second = write(tmp_path / "camera 2" / "IMG_1.txt", "two")
    upload_page.choose(first)
    upload_page.start()
    upload_page.wait_until(lambda: len(held) == 1)

    upload_page.choose(second)
    upload_page.wait_until(lambda: len(held) == 2)
    held.release()
    upload_page.wait_until_uploaded(2)

    checksums = person.uploads.filter(state=State.READY).values_list("checksum_sha256")
    assert len(set(checksums)) == 2


def test_file_chosen_twice_is_named_and_added_on_demand(
    upload_page: UploadPage, person: User, tmp_path: Path
) -> None:
    file = write(tmp_path / "a.txt", "a")
    other = write(tmp_path / "other" / "a.txt", "b")
    upload_page.choose(file)
    expect(upload_page.start_button).to_have_text("Upload 1 file")

    upload_page.choose(other, file)
    notice = upload_page.notice("1 file is already in the list")
    expect(notice).to_contain_text("a.txt")
    expect(upload_page.start_button).to_have_text("Upload 2 files")
    notice.get_by_role("button", name="Add anyway").click()
    expect(notice).to_be_hidden()
    expect(upload_page.start_button).to_have_text("Upload 3 files")

    held = HeldCompletions(upload_page.page)
    upload_page.start()
    upload_page.wait_until(lambda: len(held) > 0)
    upload_page.choose(file)
    expect(upload_page.notice("1 file is already being sent")).to_be_visible()
    held.release()
    upload_page.wait_until_uploaded(3)
    assert person.uploads.count() == 3


def test_file_changed_during_its_upload_is_replaced_when_chosen_again(
    signed_in: Page, other_site: LiveSite, person: User, tmp_path: Path
) -> None:
    page = UploadPage(signed_in, other_site.url)
    page.open()
    traffic = Traffic(signed_in)
    size = 3 * SMALL_PART
    film = random_file(tmp_path, "film.bin", size)
    page.hold_parts(2, 3)
    page.choose(film)
    page.start()
    page.wait_until(lambda: 1 in traffic.parts_arrived)
    button(page, "Pause").click()
    expect(page.heading("Paused")).to_be_visible()
    random_file(tmp_path, "film.bin", size + 5, seed=2)
    page.stop_holding()
    button(page, "Continue").click()
    expect(page.upload_area).to_contain_text("Choose the file again")

    with page.page.expect_file_chooser() as chooser:
        button(page, "Choose again").click()
    chooser.value.set_files(film)
    page.wait_until_uploaded(1)

    expect(page.upload_area).not_to_contain_text("Choose the file again")
    states = sorted(person.uploads.values_list("state", flat=True))
    assert states == [State.CANCELLED, State.READY]
    page.wait_until(lambda: quota_of(person) == (size + 5, 0, 1, 0))
    expect(page.unfinished).to_be_hidden()


@pytest.mark.parametrize("opened", ["before", "after", "before, and answers late"])
def test_file_that_another_tab_is_sending_is_named(
    signed_in: Page, other_site: LiveSite, person: User, tmp_path: Path, opened: str
) -> None:
    first = UploadPage(signed_in, other_site.url)
    if opened.endswith("late"):
        signed_in.add_init_script(LATE_MESSAGES)
    first.open()
    second = UploadPage(signed_in.context.new_page(), other_site.url)
    if opened != "after":
        second.open()
    film = random_file(tmp_path, "film.bin", 3 * SMALL_PART)
    first.page.bring_to_front()
    first.hold_parts(2)
    first.choose(film)
    first.start()
    expect(first.upload_area).to_contain_text(re.compile(r"[1-9]\S* of 18.9 MB"))
    if opened == "after":
        second.open()

    second.page.bring_to_front()
    drop(second.page, film)

    notice = second.notice("This file is being sent in another tab.")
    expect(notice).to_contain_text("film.bin")
    expect(second.start_button).to_be_hidden()
    # A file with the same name, size and time but other content is sent.
    other_content = random_file(tmp_path / "twin", "film.bin", 3 * SMALL_PART, seed=2)
    facts = film.stat()
    os.utime(other_content, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    drop(second.page, other_content)
    expect(second.start_button).to_have_text("Upload 1 file")
    second.page.close()
    first.page.bring_to_front()
    # Pause the upload before the held parts are sent. Otherwise, the upload could end.
    button(first, "Pause").click()
    expect(first.heading("Paused")).to_be_visible()
    first.stop_holding()
    button(first, "Continue").click()
    first.wait_until_uploaded(1)
    assert person.uploads.count() == 1


def test_long_list_of_left_out_files_is_expanded_on_demand(
    upload_page: UploadPage, person: User
) -> None:
    UploadPolicy.objects.create(user=person, max_file_size=1000)
    upload_page.open()

    upload_page.choose(*(payload(f"{n}.bin", bytes(1001)) for n in range(33)))

    notice = upload_page.notice("33 files were left out")
    expect(notice).to_contain_text("9.bin: larger than 1 kB")
    expect(notice).not_to_contain_text("10.bin")
    notice.get_by_role("button", name="and 23 more").click()
    expect(notice).to_contain_text("32.bin: larger than 1 kB")
    expect(upload_page.start_button).to_be_hidden()


def test_files_added_during_an_upload_that_exceed_the_quota_are_named(
    upload_page: UploadPage, person: User
) -> None:
    StorageQuota.objects.create(user=person, limit_bytes=1000)
    upload_page.open()
    held = HeldCompletions(upload_page.page)
    upload_page.choose(payload("a.bin", bytes(600)))
    upload_page.start()
    upload_page.wait_until(lambda: len(held) == 1)
    expect(upload_page.quota).to_contain_text("600 bytes on the way")

    upload_page.choose(payload("b.bin", bytes(600)), payload("c.bin", bytes(600)))

    notice = upload_page.notice("2 files were not added, because they need 1.2 kB.")
    expect(notice).to_contain_text("Only 400 bytes are free.")
    expect(notice).to_contain_text("b.bin")
    expect(notice).to_contain_text("c.bin")
    held.release()
    upload_page.wait_until_uploaded(1)
    assert set(uploads_of(person)) == {"a.bin"}


def test_changed_name_is_shown_before_the_upload(
    upload_page: UploadPage, person: User
) -> None:
    upload_page.choose(
        payload("invoice\u202egnp.exe", b"x"), payload("plain.txt", b"x")
    )

    expect(
        upload_page.notice("1 file will be stored under another name")
    ).to_be_visible()
    row = upload_page.chosen.get_by_role("listitem").filter(has_text="invoice")
    expect(row).to_contain_text("Will be stored as invoicegnp.exe")
    upload_page.start()
    upload_page.wait_until_uploaded(2)
    assert set(uploads_of(person)) == {"invoicegnp.exe", "plain.txt"}
