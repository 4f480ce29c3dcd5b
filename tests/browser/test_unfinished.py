"""The section of unfinished uploads stays usable with many uploads."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import User
from django.test import override_settings
from playwright.sync_api import Page, Route, expect

from tests.browser.files import open_multiparts, payload, quota_of, uploads_of
from tests.browser.upload_page import UploadPage
from tests.support.builders import begin, put, send_parts
from tests.support.live_site import SMALL_PART
from uploads.lifecycle import advance
from uploads.models import Upload
from uploads.s3.bucket import get_bucket
from uploads.states import State, Transport

CONTENT = b"content of a small file"
PARTS = "parts that have arrived"


def start_uploads(person: User, count: int) -> dict[str, Upload]:
    """Start uploads as a tab does that is closed before it sends their bytes."""
    for number in range(count):
        begin(person, CONTENT, filename=f"{number:03}.bin")
    return uploads_of(person)


def test_sixty_unfinished_uploads_are_continued_and_discarded(
    signed_in: Page, person: User
) -> None:
    uploads = start_uploads(person, 60)
    page = UploadPage(signed_in)
    page.open()
    rows = page.unfinished.get_by_role("listitem")
    expect(rows).to_have_count(20)
    expect(page.unfinished).not_to_contain_text("parts")

    # The row of the oldest upload is not drawn. Its file continues the upload anyway.
    expect(page.unfinished.get_by_text("000.bin")).to_have_count(0)
    page.choose(payload("000.bin", CONTENT))
    expect(page.row("000.bin")).to_contain_text("Ready")
    # The page sends a small file as a new upload, which replaces the unfinished upload.
    uploads["000.bin"].refresh_from_db()
    assert uploads["000.bin"].state == State.CANCELLED

    page.unfinished.get_by_role("button", name="Show 39 more uploads").click()
    expect(rows).to_have_count(59)
    expect(page.unfinished.get_by_role("button", name="more upload")).to_be_hidden()
    expect(rows.nth(20).get_by_role("button").first).to_be_focused()

    # An upload that ends meanwhile is left alone.
    put(get_bucket(), uploads["010.bin"], CONTENT)
    advance(uploads["010.bin"])
    page.unfinished.get_by_role("button", name="Discard all").press("Enter")
    dialog = signed_in.get_by_role("dialog", name="Discard all unfinished uploads?")
    expect(dialog).to_contain_text("59 uploads")
    expect(dialog).to_contain_text("The files on your device are not deleted.")
    expect(dialog).not_to_contain_text("parts")
    dialog.get_by_role("button", name="Discard all").press("Enter")

    expect(page.unfinished).to_be_hidden()
    expect(signed_in.get_by_role("region", name="Upload", exact=True)).to_be_focused()
    expect(signed_in.locator("#announcements")).to_have_text("58 uploads discarded.")
    expect(page.row("010.bin")).to_contain_text("Ready")
    left = Upload.objects.filter(owner=person).exclude(state=State.CANCELLED)
    assert sorted(left.values_list("filename", "state")) == [
        ("000.bin", State.READY),
        ("010.bin", State.READY),
    ]
    assert quota_of(person) == (2 * len(CONTENT), 0, 2, 0)


def test_upload_that_cannot_be_discarded_keeps_its_row_and_the_focus(
    signed_in: Page, person: User
) -> None:
    uploads = start_uploads(person, 3)
    page = UploadPage(signed_in)
    page.open()
    address = f"**/api/v1/uploads/{uploads['001.bin'].pk}"

    def refuse(route: Route) -> None:
        if route.request.method == "DELETE":
            route.fulfill(status=403, json={"detail": "You may not do this."})
        else:
            route.continue_()

    signed_in.route(address, refuse)

    page.unfinished.get_by_role("button", name="Discard all").press("Enter")
    dialog = signed_in.get_by_role("dialog", name="Discard all unfinished uploads?")
    dialog.get_by_role("button", name="Discard all").press("Enter")

    expect(signed_in.get_by_role("alert").filter(has_text="1 upload")).to_contain_text(
        "1 upload could not be discarded. You may not do this."
    )
    rows = page.unfinished.get_by_role("listitem")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("001.bin")
    expect(page.unfinished.get_by_role("button", name="Discard all")).to_be_hidden()
    expect(page.unfinished.get_by_role("heading")).to_be_focused()
    page.wait_until(lambda: quota_of(person)[1:] == (len(CONTENT), 0, 1))
    assert uploads_of(person)["001.bin"].state == State.PENDING


def test_words_mention_parts_only_if_parts_have_arrived(
    signed_in: Page, person: User
) -> None:
    content = b"x" * (SMALL_PART + 1)
    with override_settings(UPLOADS={**settings.UPLOADS, "MIN_PART_BYTES": SMALL_PART}):
        film = begin(
            person,
            content,
            filename="film.bin",
            transport=Transport.MULTIPART,
            checksum_sha256="",
        )
    small = begin(person, CONTENT, filename="small.bin")
    page = UploadPage(signed_in)
    page.open()
    expect(page.unfinished).to_contain_text("0 of 6.3 MB uploaded")
    expect(page.unfinished).not_to_contain_text(PARTS)

    send_parts(get_bucket(), film, content, 1)
    page.open()
    expect(page.unfinished).to_contain_text(PARTS)
    dialog = signed_in.get_by_role("dialog", name="Discard this upload?")
    page.unfinished.get_by_role("button", name=f"Discard {small.filename}").click()
    expect(dialog).to_contain_text("The file on your device is not deleted.")
    expect(dialog).not_to_contain_text(PARTS)
    dialog.get_by_role("button", name="Keep").click()

    page.unfinished.get_by_role("button", name="Discard all").click()
    dialog = signed_in.get_by_role("dialog", name="Discard all unfinished uploads?")
    expect(dialog).to_contain_text(f"The {PARTS} will be deleted.")
    dialog.get_by_role("button", name="Discard all").click()
    expect(page.unfinished).to_be_hidden()
    assert open_multiparts(person) == []
    assert quota_of(person) == (0, 0, 0, 0)
