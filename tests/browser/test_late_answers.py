"""On a slow network, answers arrive after newer events, and scripts load late."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import APIResponse, Page, Route, expect

from tests.browser.files import MIB, make_upload, payload, random_file
from tests.browser.upload_page import TIMEOUT_MS, UploadPage
from uploads.states import State


class HeldRequests:
    """Holds API requests with this method and path until the test continues."""

    def __init__(self, page: Page, method: str, address: str) -> None:
        self._method = method
        self._routes: list[Route] = []
        self._answers: list[APIResponse] = []
        page.route(re.compile(rf"/api/v1/uploads{address}"), self._hold)

    def __bool__(self) -> bool:
        return bool(self._routes)

    def send(self) -> None:
        """Send the held requests to the site, and hold the answers."""
        self._answers = [route.fetch(timeout=TIMEOUT_MS) for route in self._routes]

    def deliver(self) -> None:
        """Deliver the answers to the page."""
        for route, answer in zip(self._routes, self._answers, strict=True):
            route.fulfill(response=answer)

    def _hold(self, route: Route) -> None:
        if route.request.method == self._method:
            self._routes.append(route)
        else:
            route.fallback()


def test_file_uploaded_during_a_search_is_in_the_result(
    upload_page: UploadPage, person: User
) -> None:
    make_upload(person, filename="old notes.txt")
    upload_page.open()
    late = HeldRequests(upload_page.page, "GET", r"\?q=notes")
    upload_page.search.fill("notes")
    upload_page.wait_until(lambda: bool(late))
    late.send()

    upload_page.upload(payload("new notes.txt", b"notes"), payload("other.txt", b"o"))
    late.deliver()

    upload_page.wait_for_list()
    upload_page.expect_names("new notes.txt", "old notes.txt")


def test_upload_in_progress_is_not_listed_as_unfinished(
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
    unfinished = HeldRequests(signed_in, "GET", r"\?state=pending")
    start = HeldRequests(signed_in, "POST", "$")
    page.hold_parts(2)
    page.open()
    page.choose(random_file(tmp_path, "film.bin", 17 * MIB))
    page.start()
    page.wait_until(lambda: bool(start and unfinished))

    # The page gets the list with the new upload before the answer to its own start.
    start.send()
    unfinished.send()
    unfinished.deliver()
    expect(page.unfinished).to_contain_text("film.bin")
    start.deliver()

    expect(page.unfinished.get_by_text("film.bin")).to_have_count(0)
    expect(page.unfinished).to_contain_text("left.bin")
    expect(page.heading("Uploading 1 file")).to_be_visible()


def test_delete_takes_effect_when_the_dialog_closes_before_the_answer(
    upload_page: UploadPage, person: User
) -> None:
    for name in ("gone.pdf", "kept.pdf"):
        make_upload(person, filename=name)
    upload_page.open()
    page = upload_page.page
    late = HeldRequests(page, "DELETE", "/")
    upload_page.act("gone.pdf", "Delete")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    upload_page.wait_until(lambda: bool(late))
    late.send()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()

    # Open the dialog for another file before the first answer arrives.
    upload_page.act("kept.pdf", "Delete")
    late.deliver()
    upload_page.expect_names("kept.pdf")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Keep").click()

    expect(page.get_by_role("dialog")).to_be_hidden()
    upload_page.expect_names("kept.pdf")


def test_buttons_of_the_file_page_work_without_scripts(
    signed_in: Page, person: User
) -> None:
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
