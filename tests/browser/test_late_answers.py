"""A slow line: answers that are older than what the page knows, and scripts that come late."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import APIResponse, Page, Route, expect

from tests.browser.files import MIB, make_upload, payload, random_file
from tests.browser.upload_page import PATIENCE_MS, UploadPage
from uploads.states import State


class Late:
    """What the page asks of the API at such an address, from now on; it waits for us."""

    def __init__(self, page: Page, method: str, address: str) -> None:
        self._method = method
        self._routes: list[Route] = []
        self._answers: list[APIResponse] = []
        page.route(re.compile(rf"/api/v1/uploads{address}"), self._hold)

    def __bool__(self) -> bool:
        return bool(self._routes)

    def ask(self) -> None:
        """Let the site act and answer; the page does not get it yet."""
        self._answers = [route.fetch(timeout=PATIENCE_MS) for route in self._routes]

    def arrive(self) -> None:
        """Let the page have the answers."""
        for route, answer in zip(self._routes, self._answers, strict=True):
            route.fulfill(response=answer)

    def _hold(self, route: Route) -> None:
        if route.request.method == self._method:
            self._routes.append(route)
        else:
            route.fallback()


def test_a_file_that_arrives_while_the_list_is_read_is_in_it(
    upload_page: UploadPage, person: User
) -> None:
    make_upload(person, filename="old notes.txt")
    upload_page.open()
    late = Late(upload_page.page, "GET", r"\?q=notes")
    upload_page.search.fill("notes")
    upload_page.wait_until(lambda: bool(late))
    late.ask()

    upload_page.upload(payload("new notes.txt", b"notes"), payload("other.txt", b"o"))
    late.arrive()

    upload_page.wait_for_list()
    upload_page.expect_names("new notes.txt", "old notes.txt")


def test_what_is_on_its_way_is_not_called_unfinished(
    signed_in: Page, person: User, tmp_path: Path
) -> None:
    make_upload(
        person,
        filename="left.bin",
        state=State.PENDING,
        expires_at=timezone.now() + timedelta(days=1),
        completed_at=None,
    )
    page = UploadPage(signed_in)
    unfinished = Late(signed_in, "GET", r"\?state=pending")
    start = Late(signed_in, "POST", "$")
    page.hold_parts(2)
    page.open()
    page.choose(random_file(tmp_path, "film.bin", 17 * MIB))
    page.start()
    page.wait_until(lambda: bool(start and unfinished))

    # The list knows of it before this page does.
    start.ask()
    unfinished.ask()
    unfinished.arrive()
    expect(page.unfinished).to_contain_text("film.bin")
    start.arrive()

    expect(page.unfinished.get_by_text("film.bin")).to_have_count(0)
    expect(page.unfinished).to_contain_text("left.bin")
    expect(page.heading("Uploading 1 file")).to_be_visible()


def test_a_delete_whose_dialog_is_closed_before_the_answer_is_still_one(
    upload_page: UploadPage, person: User
) -> None:
    for name in ("gone.pdf", "kept.pdf"):
        make_upload(person, filename=name)
    upload_page.open()
    page = upload_page.page
    late = Late(page, "DELETE", "/")
    upload_page.act("gone.pdf", "Delete")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    upload_page.wait_until(lambda: bool(late))
    late.ask()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()

    # The next dialog is about another file.
    upload_page.act("kept.pdf", "Delete")
    late.arrive()
    upload_page.expect_names("kept.pdf")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Keep").click()

    expect(page.get_by_role("dialog")).to_be_hidden()
    upload_page.expect_names("kept.pdf")


def test_the_buttons_of_a_file_need_no_script(signed_in: Page, person: User) -> None:
    upload = make_upload(person)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    signed_in.route(re.compile("/build/shell"), hold)
    signed_in.goto(f"/uploads/{upload.pk}/", wait_until="commit")

    signed_in.get_by_role("button", name="Rename").click()
    dialog = signed_in.get_by_role("dialog", name="Rename file")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    signed_in.get_by_role("button", name="Delete").click()

    expect(signed_in.get_by_role("dialog", name="Delete this file?")).to_be_visible()
    assert len(held) == 1
