"""The list of files: order, search, pages, renaming and deleting."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from tests.browser.files import (
    make_upload,
    payload,
    quota_of,
    stored_objects,
    uploads_of,
)
from tests.browser.upload_page import UploadPage
from uploads.models import Upload
from uploads.states import State, Transport


def test_newest_file_is_listed_first(upload_page: UploadPage) -> None:
    upload_page.upload(payload("older.txt", b"older"))
    upload_page.page.get_by_role("button", name="Upload more").click()
    upload_page.upload(payload("newer.txt", b"newer"))

    upload_page.expect_names("newer.txt", "older.txt")
    upload_page.open()
    upload_page.expect_names("newer.txt", "older.txt")


def test_files_that_arrive_in_another_order_are_listed_as_chosen(
    upload_page: UploadPage, bucket_url: str
) -> None:
    page = upload_page.page
    held: list[Route] = []

    def hold_first(route: Route) -> None:
        if held or route.request.method not in ("POST", "PUT"):
            route.continue_()
        else:
            held.append(route)

    page.route(re.compile(re.escape(bucket_url)), hold_first)
    names = [f"{number}.bin" for number in range(1, 6)]
    upload_page.choose(*(payload(name, b"x" * 2000) for name in names))
    upload_page.start()
    upload_page.wait_until(lambda: len(upload_page.names()) == 4, upload_page.names)
    held[0].continue_()
    upload_page.wait_until_uploaded(5)

    upload_page.expect_names(*reversed(names))
    upload_page.open()
    upload_page.expect_names(*reversed(names))


def test_button_loads_more_files(upload_page: UploadPage, person: User) -> None:
    now = timezone.now()
    for number in range(55):
        made_at = now - timedelta(minutes=number)
        make_upload(person, filename=f"{number:02}.pdf", created_at=made_at)
    upload_page.open()
    more = upload_page.page.get_by_role("button", name="Show more")
    upload_page.expect_names(*(f"{number:02}.pdf" for number in range(50)))

    more.click()

    expect(more).to_be_hidden()
    upload_page.expect_names(*(f"{number:02}.pdf" for number in range(55)))


HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def hide_for_one_minute(page: Page) -> None:
    """Hide the page, and show it again one minute later by the page's clock."""
    page.evaluate(HIDE, True)
    page.evaluate("Date.now = (now => () => now() + 60000)(Date.now)")
    page.evaluate(HIDE, False)


def show_more(upload_page: UploadPage) -> None:
    rows = upload_page.page.locator("#file-list > li")
    more = upload_page.page.get_by_role("button", name="Show more")
    count = rows.count()
    more.click()
    upload_page.wait_until(lambda: rows.count() > count or more.is_hidden())


@pytest.mark.parametrize(("shown", "added"), [(60, 120), (60, 50), (0, 70), (3, 700)])
def test_tab_shows_a_complete_list_when_visible_again(
    upload_page: UploadPage, person: User, shown: int, added: int
) -> None:
    page, now = upload_page.page, timezone.now()
    old = [f"old {number:03}.pdf" for number in range(shown)]
    for number, name in enumerate(old):
        made_at = now - timedelta(hours=2, minutes=number)
        make_upload(person, filename=name, created_at=made_at)
    upload_page.open()
    new = [f"new {number:03}.pdf" for number in range(added)]
    rows = [
        make_upload(person, filename=name, created_at=now - timedelta(seconds=number))
        for number, name in enumerate(new)
    ]

    hide_for_one_minute(page)

    expect(upload_page.row("new 000.pdf")).to_be_visible()
    more = page.get_by_role("button", name="Show more")
    while more.is_visible():
        show_more(upload_page)
    upload_page.expect_names(*new, *old)
    assert len(rows) == added


def test_tab_drops_deleted_files_and_finds_new_uploads_when_visible_again(
    upload_page: UploadPage, person: User
) -> None:
    page, now = upload_page.page, timezone.now()
    rows = {}
    for number in range(60):
        name, made_at = f"{number:03}.pdf", now - timedelta(minutes=number)
        rows[name] = make_upload(person, filename=name, created_at=made_at)
    slow = make_upload(
        person,
        filename="slow.bin",
        state=State.PENDING,
        created_at=now - timedelta(minutes=40, seconds=30),
        expires_at=now + timedelta(days=1),
        completed_at=None,
    )
    upload_page.open()
    names = [f"{number:03}.pdf" for number in range(49)]
    upload_page.row("005.pdf").get_by_role("button").focus()
    Upload.objects.filter(pk=rows["010.pdf"].pk).update(state=State.DELETED)
    Upload.objects.filter(pk=rows["003.pdf"].pk).update(filename="renamed.pdf")
    done = {"state": State.READY, "completed_at": timezone.now()}
    Upload.objects.filter(pk=slow.pk).update(**done)

    hide_for_one_minute(page)

    names[3] = "renamed.pdf"
    names.remove("010.pdf")
    names.insert(names.index("040.pdf") + 1, "slow.bin")
    upload_page.wait_until(
        lambda: upload_page.names()[: len(names)] == names, upload_page.names
    )
    expect(upload_page.row("005.pdf").get_by_role("button")).to_be_focused()


def test_upload_by_plain_form_cannot_be_continued_in_the_list(
    upload_page: UploadPage, person: User
) -> None:
    for transport, name in ((Transport.FORM, "form.pdf"), (Transport.PUT, "put.pdf")):
        facts = {"state": State.PENDING, "transport": transport, "filename": name}
        later = timezone.now() + timedelta(days=1)
        make_upload(person, expires_at=later, completed_at=None, **facts)

    upload_page.open()

    expect(upload_page.unfinished.get_by_text("put.pdf").first).to_be_visible()
    expect(upload_page.unfinished.get_by_text("form.pdf")).to_have_count(0)
    expect(upload_page.row("form.pdf")).to_have_count(0)


def test_search_filters_the_list_while_typing(
    upload_page: UploadPage, person: User
) -> None:
    names = ("Harbour plan.pdf", "harbour photo.png", "invoice.pdf", "100%.txt")
    for name in names:
        make_upload(person, filename=name)
    upload_page.open()

    upload_page.search.press_sequentially("harbour")
    upload_page.expect_names_in_any_order("Harbour plan.pdf", "harbour photo.png")
    upload_page.search.fill("%")
    upload_page.expect_names("100%.txt")
    upload_page.search.fill("<b>nothing</b>")
    expect(
        upload_page.page.get_by_text("No file has “<b>nothing</b>” in its name")
    ).to_be_visible()
    upload_page.page.get_by_role("button", name="Clear the search").click()

    expect(upload_page.row("invoice.pdf")).to_be_visible()
    upload_page.expect_names_in_any_order(*names)


def test_rename_changes_the_name_in_the_list(
    upload_page: UploadPage, person: User
) -> None:
    page = upload_page.page
    upload_page.upload(payload("draft.txt", b"text"))

    upload_page.act("draft.txt", "Rename")
    dialog = page.get_by_role("dialog", name="Rename file")
    name = dialog.get_by_role("textbox", name="Name")
    expect(name).to_have_value("draft.txt")
    expect(name).to_be_focused()
    name.fill("final version.txt")
    dialog.get_by_role("button", name="Rename").click()

    expect(upload_page.row("final version.txt")).to_be_visible()
    expect(
        page.get_by_role("button", name="Actions for final version.txt")
    ).to_be_focused()
    expect(upload_page.row("draft.txt")).to_be_hidden()
    assert set(uploads_of(person)) == {"final version.txt"}


def test_invalid_name_is_refused_with_a_message(
    upload_page: UploadPage, person: User
) -> None:
    page = upload_page.page
    upload_page.upload(payload("draft.txt", b"text"))

    upload_page.act("draft.txt", "Rename")
    dialog = page.get_by_role("dialog", name="Rename file")
    name = dialog.get_by_role("textbox", name="Name")
    name.fill("a/b\\c.txt")
    dialog.get_by_role("button", name="Rename").click()
    expect(dialog.get_by_role("alert")).to_have_text("A name cannot contain / or \\.")
    name.fill("   ")
    dialog.get_by_role("button", name="Rename").click()
    expect(dialog.get_by_role("alert")).to_have_text("Give the file a name.")
    assert set(uploads_of(person)) == {"draft.txt"}
    name.fill("final.txt")
    dialog.get_by_role("button", name="Rename").click()

    expect(upload_page.row("final.txt")).to_be_visible()
    assert set(uploads_of(person)) == {"final.txt"}


def test_escape_cancels_rename_and_delete(
    upload_page: UploadPage, person: User
) -> None:
    page = upload_page.page
    upload_page.upload(payload("kept.txt", b"kept"))

    upload_page.act("kept.txt", "Delete")
    expect(page.get_by_role("dialog", name="Delete this file?")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    upload_page.act("kept.txt", "Rename")
    page.get_by_role("textbox", name="Name").fill("other.txt")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()

    upload_page.open()
    expect(upload_page.row("kept.txt")).to_contain_text("Ready")
    assert uploads_of(person)["kept.txt"].state == State.READY


def test_confirmed_delete_removes_the_object(
    upload_page: UploadPage, person: User
) -> None:
    page = upload_page.page
    upload_page.upload(payload("gone.txt", b"gone"), payload("stays.txt", b"stays"))
    assert len(stored_objects(person)) == 2

    upload_page.act("gone.txt", "Delete")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(upload_page.row("gone.txt")).to_be_hidden()
    uploads = uploads_of(person)
    assert uploads["gone.txt"].state == State.DELETED
    assert stored_objects(person) == {uploads["stays.txt"].key: 5}
    assert quota_of(person) == (5, 0, 1, 0)


def test_file_page_renames_and_deletes_the_file(
    upload_page: UploadPage, person: User
) -> None:
    page = upload_page.page
    upload_page.upload(payload("draft.txt", b"text"))
    page.get_by_role("link", name="draft.txt", exact=True).click()

    page.get_by_role("button", name="Rename").click()
    page.get_by_role("textbox", name="Name").fill("final.txt")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", name="final.txt")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(page.get_by_text("final.txt is deleted.")).to_be_visible()
    assert quota_of(person) == (0, 0, 0, 0)
