"""A file is shown as "Checking" until it is inspected, and then as ready."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.browser.files import payload, uploads_of
from tests.browser.upload_page import TIMEOUT_MS, UploadPage
from tests.support.live_site import serve
from tests.unit.inspection.test_clamd import FakeClamd
from uploads.models import Upload
from uploads.states import State
from uploads.upkeep.sweeper import sweep

if TYPE_CHECKING:
    from pytest_django import Settings


def test_file_is_shown_as_checking_until_the_scanner_answers(
    site_environment: dict[str, str],
    signed_in: Page,
    person: User,
    tmp_path: Path,
    settings: Settings,
) -> None:
    socket = tmp_path / "clamd.sock"
    url = f"unix://{socket}"
    with serve({**site_environment, "CLAMD_URL": url}, tmp_path) as site:
        signed_in.goto(site.url)
        page = UploadPage(signed_in)
        page.wait_for_list()

        page.choose(payload("notes.txt", b"notes", "text/plain"))
        page.start()

        sent = page.upload_area.get_by_role("listitem").filter(has_text="notes.txt")
        expect(sent).to_contain_text("Checking", timeout=TIMEOUT_MS)
        expect(page.upload_area).to_contain_text("checking")
        # The page shows "Checking" at once. The site sets the waiting reason later,
        # when it has not reached the scanner.
        page.wait_until(lambda: bool(uploads_of(person)["notes.txt"].waiting_reason))
        upload = uploads_of(person)["notes.txt"]
        assert upload.state == State.INSPECTING
        details = signed_in.context.new_page()
        details.goto(f"{site.url}/uploads/{upload.pk}/")
        expect(details.get_by_text("it cannot be checked right now")).to_be_visible()
        expect(details.get_by_role("link", name="Download")).to_have_count(0)
        assert str(socket) not in details.content()

        clamd = FakeClamd(socket)
        try:
            scanner = {
                "NAME": "uploads.inspection.antivirus.ClamAVInspector",
                "OPTIONS": {"url": url},
            }
            settings.INSPECTORS = [*settings.INSPECTORS, scanner]
            Upload.objects.filter(owner=person).update(checked_at=None, retry_at=None)
            sweep()
        finally:
            clamd.stop()
        assert uploads_of(person)["notes.txt"].state == State.READY

        # The page polls the upload's state, at growing intervals.
        page.wait_until_uploaded(1)
        expect(page.row("notes.txt")).to_contain_text("Ready")
        assert clamd.stream == b"notes"
        # The page of the file polls as well.
        expect(details.get_by_role("link", name="Download")).to_be_visible()


def test_result_of_an_upload_is_shown_without_the_delay_of_other_changes(
    signed_in: Page,
) -> None:
    # The page draws changes after 200 or 500 ms, and the result in the next frame. In
    # this test, timers of 200 and 500 ms never end.
    signed_in.add_init_script(
        "const original = window.setTimeout;"
        "window.setTimeout = (act, milliseconds, ...rest) =>"
        " [200, 500].includes(milliseconds) ? 0 : original(act, milliseconds, ...rest);"
    )
    page = UploadPage(signed_in)
    page.open()

    page.choose(payload("notes.txt", b"notes", "text/plain"))
    page.start()

    title = page.upload_area.get_by_role("heading", name="1 file uploaded")
    expect(title).to_be_visible(timeout=TIMEOUT_MS)
