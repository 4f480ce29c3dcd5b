"""Files can be added by drop, by paste and by the keyboard alone."""

from __future__ import annotations

from django.contrib.auth.models import User
from playwright.sync_api import JSHandle, Locator, Page, expect

from tests.browser.files import payload, quota_of, uploads_of
from tests.browser.upload_page import UploadPage
from uploads.states import State

DRAG_FILES = """
(names) => {
  const transfer = new DataTransfer();
  for (const name of names) transfer.items.add(new File([name], name, {type: "text/plain"}));
  return transfer;
}
"""
PASTE = """
(transfer) => document.body.dispatchEvent(
  new ClipboardEvent("paste", {clipboardData: transfer, bubbles: true, cancelable: true}))
"""
MOST_TABS = 60


def test_files_dropped_anywhere_in_the_window_are_taken(
    upload_page: UploadPage, person: User
) -> None:
    page = upload_page.page
    transfer = _dragged(page, "one.txt", "two.txt")
    hint = page.get_by_text("Drop to add to your upload")
    expect(hint).to_be_hidden()

    page.get_by_role("contentinfo").dispatch_event(
        "dragenter", {"dataTransfer": transfer}
    )
    expect(hint).to_be_visible()
    page.get_by_role("contentinfo").dispatch_event("drop", {"dataTransfer": transfer})
    expect(hint).to_be_hidden()
    expect(upload_page.start_button).to_have_text("Upload 2 files")
    upload_page.start()
    upload_page.wait_until_uploaded(2)

    assert set(uploads_of(person)) == {"one.txt", "two.txt"}
    assert quota_of(person) == (len("one.txttwo.txt"), 0, 2, 0)


def test_drag_that_leaves_the_window_hides_the_drop_hint(
    upload_page: UploadPage,
) -> None:
    page = upload_page.page
    transfer = _dragged(page, "one.txt")

    page.locator("body").dispatch_event("dragenter", {"dataTransfer": transfer})
    page.locator("body").dispatch_event("dragleave", {"dataTransfer": transfer})

    expect(page.get_by_text("Drop to add to your upload")).to_be_hidden()
    expect(upload_page.start_button).to_be_hidden()


def test_pasted_file_is_taken(upload_page: UploadPage, person: User) -> None:
    _dragged(upload_page.page, "pasted.txt").evaluate(PASTE)
    expect(upload_page.start_button).to_have_text("Upload 1 file")
    upload_page.start()
    upload_page.wait_until_uploaded(1)

    assert set(uploads_of(person)) == {"pasted.txt"}


def test_file_dropped_after_an_upload_starts_a_new_batch(
    upload_page: UploadPage, person: User
) -> None:
    page = upload_page.page
    upload_page.upload(payload("first.txt", b"first"))

    page.locator("body").dispatch_event(
        "drop", {"dataTransfer": _dragged(page, "second.txt")}
    )
    upload_page.start()
    expect(upload_page.row("second.txt")).to_contain_text("Ready")

    upload_page.expect_names("second.txt", "first.txt")
    assert quota_of(person)[2] == 2


def test_keyboard_alone_uploads_and_deletes_a_file(
    upload_page: UploadPage, person: User
) -> None:
    page = upload_page.page

    with page.expect_file_chooser() as chooser:
        _tab_to(page, page.get_by_role("button", name="Choose files"))
        page.keyboard.press("Enter")
    chooser.value.set_files(payload("letter.txt", b"letter"))
    expect(upload_page.start_button).to_be_visible()
    _tab_to(page, upload_page.start_button)
    page.keyboard.press("Enter")
    expect(upload_page.row("letter.txt")).to_contain_text("Ready")

    _tab_to(page, page.get_by_role("button", name="Actions for letter.txt"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Download")).to_be_focused()
    page.keyboard.press("End")
    expect(page.get_by_role("menuitem", name="Delete")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Keep")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_text("Your files will be here")).to_be_visible()
    assert uploads_of(person)["letter.txt"].state == State.DELETED
    assert quota_of(person) == (0, 0, 0, 0)


def _dragged(page: Page, *names: str) -> JSHandle:
    return page.evaluate_handle(DRAG_FILES, list(names))


def _tab_to(page: Page, wanted: Locator) -> None:
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"The Tab key never reached {wanted}.")
