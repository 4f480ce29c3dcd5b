"""A refused file is released from quarantine: its owner asks, an operator decides."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import _sign_in
from tests.browser.files import payload, quota_of
from tests.browser.test_refusals import PROGRAM
from tests.browser.upload_page import UploadPage
from tests.support.live_site import LiveSite, serve
from uploads.models import Upload
from uploads.states import State

SHOTS = os.environ.get("RELEASE_SHOTS", "")


@pytest.fixture
def keeping_site(
    site_environment: dict[str, str], tmp_path: Path
) -> Iterator[LiveSite]:
    """A site that keeps refused files in quarantine."""
    environment = {**site_environment, "UPLOADS_QUARANTINE_PREFIX": "quarantine/"}
    with serve(environment, tmp_path) as site:
        yield site


def shoot(page: Page, name: str) -> None:
    if not SHOTS:
        return
    for width in (1280, 390):
        for scheme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=f"{SHOTS}/{name}-{width}-{scheme}.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="light")


def test_a_refused_file_is_asked_for_released_and_downloaded(
    page: Page, person: User, keeping_site: LiveSite, browser: Browser
) -> None:
    _sign_in(page, person, keeping_site.url)
    files = UploadPage(page)
    page.goto(keeping_site.url)
    files.choose(payload("holiday.png", PROGRAM, "image/png"))
    files.start()
    expect(files.row("holiday.png")).to_contain_text("Refused")
    expect(files.row("holiday.png")).to_contain_text("A copy is in quarantine.")
    shoot(page, "list-possible")

    files.act("holiday.png", "Ask for release")
    dialog = page.get_by_role("dialog", name="Ask for its release?")
    dialog.get_by_role("button", name="Ask", exact=True).click()

    asked = "You have asked the operators to release it."
    expect(files.row("holiday.png")).to_contain_text(asked)
    page.reload()
    expect(files.row("holiday.png")).to_contain_text(asked)
    page.get_by_role("link", name="holiday.png").click()
    expect(page.get_by_role("main")).to_contain_text(asked)
    shoot(page, "file-asked")
    refused = Upload.objects.get(owner=person)

    operator = User.objects.create_superuser(f"operator-of-{person.username}")
    desk = browser.new_context().new_page()
    _sign_in(desk, operator, keeping_site.url)
    admin = f"{keeping_site.url}/admin/uploads/upload/"
    desk.goto(f"{admin}?inspection=requested")
    row = desk.get_by_role("row").filter(has_text=person.username)
    expect(row).to_contain_text("holiday.png")
    shoot(desk, "admin-requested")
    row.get_by_role("link", name="holiday.png").click()
    shoot(desk, "admin-file")
    desk.get_by_role("button", name="Release").click()
    expect(desk.get_by_text("It is released, and ready for its owner.")).to_be_visible()
    expect(desk.get_by_role("button", name="Release")).to_have_count(0)
    shoot(desk, "admin-released")
    desk.context.close()

    page.reload()
    page.get_by_role("link", name="Show the released file").click()
    expect(page.get_by_role("main")).to_contain_text("Released from")
    shoot(page, "file-released")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download", exact=True).click()
    assert saved.value.path().read_bytes() == PROGRAM
    refused.refresh_from_db()
    assert refused.state == State.REJECTED
    assert refused.events.get(kind="upload.released").actor == operator
    assert quota_of(person) == (len(PROGRAM), 0, 1, 0)
    page.goto(keeping_site.url)
    expect(page.get_by_role("link", name="a new file")).to_be_visible()
    shoot(page, "list-released")
