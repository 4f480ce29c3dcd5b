"""Pause, continue and cancel uploads, and continue them after the tab was closed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import override_settings
from playwright.sync_api import Page, expect

from tests.browser.files import (
    MIB,
    download,
    open_multiparts,
    quota_of,
    random_file,
    sha256,
    stored_objects,
    uploads_of,
)
from tests.browser.upload_page import Traffic, UploadPage
from tests.support.builders import begin, send_parts
from tests.support.live_site import SMALL_PART, LiveSite
from uploads.models import Upload
from uploads.s3.bucket import get_bucket
from uploads.states import State, Transport

THREE_PARTS = 2 * SMALL_PART + MIB


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a file that the page sends in three parts."""
    return random_file(tmp_path_factory.mktemp("films"), "film.bin", THREE_PARTS)


@pytest.fixture
def upload_page(signed_in: Page, other_site: LiveSite) -> UploadPage:
    """Open and return the page of `person`'s files."""
    upload_page = UploadPage(signed_in, other_site.url)
    upload_page.open()
    return upload_page


@pytest.fixture
def traffic(upload_page: UploadPage) -> Traffic:
    return Traffic(upload_page.page)


def places_of_buttons(page: Page) -> list[list[int]]:
    """Return x and y of the buttons for all uploads, relative to the first button."""
    places: list[list[int]] = page.evaluate(
        """() => {
          const buttons = document.querySelectorAll(".progress__buttons > :not([hidden])");
          const places = [...buttons].map((button) => button.getBoundingClientRect());
          return places.map(({ x, y }) =>
            [Math.round(x - places[0].x), Math.round(y - places[0].y)]);
        }"""
    )
    return places


@pytest.fixture
def half_sent(upload_page: UploadPage, traffic: Traffic, film: Path) -> UploadPage:
    """Return the page while parts 2 and 3 of `film` are held back in the browser."""
    upload_page.hold_parts(2, 3)
    upload_page.choose(film)
    upload_page.start()
    upload_page.wait_until(lambda: set(traffic.parts_sent) == {1, 2, 3})
    upload_page.wait_until(lambda: traffic.parts_arrived == [1])
    expect(upload_page.upload_area).to_contain_text(re.compile(r"[1-9]\S* of 13.6 MB"))
    return upload_page


def sent_by_a_closed_tab(person: User, file: Path, *parts: int) -> Upload:
    """Send these parts of a file, or all parts, without calling `complete`."""
    content = file.read_bytes()
    with override_settings(UPLOADS={**settings.UPLOADS, "MIN_PART_BYTES": SMALL_PART}):
        upload = begin(
            person,
            content,
            filename="film.bin",
            content_type="application/octet-stream",
            transport=Transport.MULTIPART,
            checksum_sha256="",
        )
    send_parts(get_bucket(), upload, content, *parts)
    return upload


def test_paused_upload_sends_nothing_and_continues_with_the_missing_parts(
    half_sent: UploadPage, traffic: Traffic, person: User, film: Path
) -> None:
    page = half_sent.page
    # On a phone, the buttons do not move when the upload is paused.
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate("document.fonts.ready")
    places_before = places_of_buttons(page)

    page.get_by_role("button", name="Pause").press("Enter")
    expect(page.get_by_role("button", name="Continue")).to_be_focused()
    assert len(places_before) == 3
    assert places_of_buttons(page) == places_before
    assert len({top for _, top in places_before}) == 1
    expect(half_sent.heading("Paused")).to_be_visible()
    expect(half_sent.upload_area).to_contain_text("Paused at")
    half_sent.stop_holding()
    changes_before = traffic.changes
    page.wait_for_timeout(700)
    assert traffic.changes == changes_before
    page.get_by_role("button", name="Continue").click()
    half_sent.wait_until_uploaded(1)

    # The page sends a held part again after 30 s, so only parts that arrived are
    # counted.
    assert traffic.parts_sent.count(1) == 1
    half_sent.wait_until(lambda: len(traffic.parts_arrived) >= 3)
    assert sorted(traffic.parts_arrived) == [1, 2, 3]
    upload = uploads_of(person)["film.bin"]
    assert download(page, upload).sha256 == sha256(film)
    assert quota_of(person) == (THREE_PARTS, 0, 1, 0)


def test_cancelled_upload_leaves_no_object_and_no_reservation(
    half_sent: UploadPage, person: User
) -> None:
    assert open_multiparts(person) == [uploads_of(person)["film.bin"].key]
    assert quota_of(person) == (0, THREE_PARTS, 0, 1)
    expect(half_sent.quota).to_contain_text("0 bytes of 20 GB used")
    expect(half_sent.quota).to_contain_text("MB on the way")

    half_sent.page.get_by_role("button", name="Cancel", exact=True).click()
    dialog = half_sent.page.get_by_role("dialog", name="Cancel this upload?")
    expect(dialog).to_contain_text("film.bin")
    dialog.get_by_role("button", name="Keep").click()
    expect(dialog).to_be_hidden()
    assert uploads_of(person)["film.bin"].state == State.PENDING
    half_sent.page.get_by_role("button", name="Cancel", exact=True).click()
    dialog.get_by_role("button", name="Cancel upload").click()
    expect(half_sent.page.get_by_role("region", name="Upload")).to_be_focused()
    expect(half_sent.page.get_by_role("button", name="Choose files")).to_be_visible()
    expect(half_sent.page.get_by_text("Your files will be here")).to_be_visible()
    half_sent.wait_until(lambda: quota_of(person) == (0, 0, 0, 0))

    assert uploads_of(person)["film.bin"].state == State.CANCELLED
    half_sent.wait_until(lambda: open_multiparts(person) == [])
    assert stored_objects(person) == {}


def test_cancelling_one_file_of_several_sends_the_remaining_files(
    half_sent: UploadPage, person: User, tmp_path: Path
) -> None:
    small = random_file(tmp_path, "small.bin", 5000)
    with half_sent.page.expect_file_chooser() as chooser:
        half_sent.page.get_by_role("button", name="Add files").click()
    chooser.value.set_files(small)
    expect(half_sent.row("small.bin")).to_contain_text("Ready")

    half_sent.page.get_by_role("button", name="Cancel film.bin").click()
    dialog = half_sent.page.get_by_role("dialog", name="Cancel this upload?")
    dialog.get_by_role("button", name="Cancel upload").click()
    half_sent.wait_until_uploaded(1)

    half_sent.wait_until(lambda: quota_of(person) == (5000, 0, 1, 0))
    assert uploads_of(person)["film.bin"].state == State.CANCELLED


def test_upload_continues_after_a_reload_with_the_same_file(
    half_sent: UploadPage, traffic: Traffic, person: User, film: Path
) -> None:
    page = half_sent.page

    page.reload()
    half_sent.stop_holding()
    half_sent.wait_for_list()
    traffic.parts_sent.clear()
    traffic.parts_arrived.clear()
    expect(half_sent.unfinished).to_contain_text("film.bin")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Continue film.bin").click()
    chooser.value.set_files(film)
    half_sent.wait_until_uploaded(1)

    # On a busy machine, the page may send a part twice. But the page does not send
    # parts again that had arrived before the reload.
    half_sent.wait_until(lambda: len(traffic.parts_arrived) >= 2)
    assert sorted(traffic.parts_arrived) == [2, 3]
    assert set(traffic.parts_sent) == {2, 3}
    expect(half_sent.unfinished).to_be_hidden()
    expect(half_sent.row("film.bin")).to_contain_text("Ready")
    upload = uploads_of(person)["film.bin"]
    assert download(page, upload).sha256 == sha256(film)
    assert quota_of(person) == (THREE_PARTS, 0, 1, 0)


def test_upload_with_all_parts_stored_completes_without_a_click(
    upload_page: UploadPage, person: User, film: Path
) -> None:
    upload = sent_by_a_closed_tab(person, film)
    traffic = Traffic(upload_page.page)

    upload_page.open()

    expect(upload_page.row("film.bin")).to_contain_text("Ready")
    expect(upload_page.unfinished).to_be_hidden()
    upload_page.wait_until(lambda: quota_of(person) == (THREE_PARTS, 0, 1, 0))
    assert traffic.puts == 0
    assert download(upload_page.page, upload).sha256 == sha256(film)
    assert open_multiparts(person) == []


def test_upload_with_a_missing_part_waits_for_the_file(
    upload_page: UploadPage, person: User, film: Path
) -> None:
    sent_by_a_closed_tab(person, film, 1, 3)
    traffic = Traffic(upload_page.page)

    upload_page.open()

    expect(upload_page.unfinished).to_contain_text("7.3 of 13.6 MB uploaded")
    expect(
        upload_page.unfinished.get_by_role("button", name="Continue")
    ).to_be_visible()
    assert traffic.changes == 0
    assert uploads_of(person)["film.bin"].state == State.PENDING


def test_page_asks_before_leaving_and_unfinished_upload_can_be_cancelled(
    half_sent: UploadPage, person: User
) -> None:
    page = half_sent.page
    asked: list[str] = []
    page.on("dialog", lambda dialog: asked.append(dialog.type))
    page.reload()
    assert asked == ["beforeunload"]

    page.get_by_role("button", name="Discard film.bin").click()
    dialog = page.get_by_role("dialog", name="Discard this upload?")
    dialog.get_by_role("button", name="Discard").click()

    expect(half_sent.unfinished).to_be_hidden()
    assert quota_of(person) == (0, 0, 0, 0)
    assert open_multiparts(person) == []
