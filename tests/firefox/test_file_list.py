"""The list of files: search, pages, renaming and deleting."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from django.contrib.auth.models import User
from django.utils import timezone

from tests.browser.files import (
    make_upload,
    quota_of,
    random_file,
    stored_objects,
    uploads_of,
)
from tests.webdriver.upload_page import UploadPage
from uploads.states import State


def test_button_loads_more_files(upload_page: UploadPage, person: User) -> None:
    now = timezone.now()
    names = [f"{number:02}.pdf" for number in range(55)]
    for number, name in enumerate(names):
        made_at = now - timedelta(minutes=number)
        make_upload(person, filename=name, created_at=made_at)
    upload_page.open()
    upload_page.expect_names(*names[:50])

    upload_page.window.press("Show more")

    upload_page.expect_names(*names)
    assert not upload_page.window.has_button("Show more")


def test_search_filters_the_list_while_typing(
    upload_page: UploadPage, person: User
) -> None:
    names = ["Harbour plan.pdf", "harbour photo.png", "invoice.pdf", "100%.txt"]
    for name in names:
        make_upload(person, filename=name)
    upload_page.open()

    upload_page.search("HARBOUR p")
    upload_page.expect_names_in_any_order(names[:2])
    upload_page.search("100%")
    upload_page.expect_names("100%.txt")
    upload_page.search("nothing")
    upload_page.window.press("Clear the search")
    upload_page.expect_names_in_any_order(names)


def test_rename_changes_the_name_and_its_dialog_can_be_cancelled(
    upload_page: UploadPage, person: User, tmp_path: Path
) -> None:
    window = upload_page.window
    upload_page.upload(random_file(tmp_path, "draft.txt", 10))

    upload_page.act("draft.txt", "Rename")
    upload_page.answer("Cancel")
    window.wait_until(lambda: not window.find_all("dialog"))
    assert set(uploads_of(person)) == {"draft.txt"}
    upload_page.rename("draft.txt", "final version.txt")

    upload_page.expect_names("final version.txt")
    assert set(uploads_of(person)) == {"final version.txt"}
    window.wait_until(
        lambda: window.focused() == "Actions for final version.txt", window.focused
    )


def test_confirmed_delete_removes_the_object(
    upload_page: UploadPage, person: User, tmp_path: Path
) -> None:
    upload_page.upload(
        random_file(tmp_path, "gone.txt", 4), random_file(tmp_path, "stays.txt", 5)
    )
    assert len(stored_objects(person)) == 2

    upload_page.act("gone.txt", "Delete")
    upload_page.answer("Keep")
    upload_page.expect_names_in_any_order(["gone.txt", "stays.txt"])
    upload_page.act("gone.txt", "Delete")
    upload_page.answer("Delete")

    upload_page.expect_names("stays.txt")
    uploads = uploads_of(person)
    assert uploads["gone.txt"].state == State.DELETED
    assert stored_objects(person) == {uploads["stays.txt"].key: 5}
    assert quota_of(person) == (5, 0, 1, 0)


def test_file_page_renames_and_deletes_the_file(
    upload_page: UploadPage, person: User, tmp_path: Path
) -> None:
    window = upload_page.window
    upload_page.upload(random_file(tmp_path, "draft.txt", 10))
    window.follow(re.escape("draft.txt"))

    window.press("Rename")
    window.fill("#rename-dialog [name=filename]", "final.txt")
    upload_page.answer("Rename")
    window.find("h1", re.escape("final.txt"))
    window.press("Delete")
    upload_page.answer("Delete")

    window.wait_for_text("main", "final.txt is deleted.")
    assert quota_of(person) == (0, 0, 0, 0)
