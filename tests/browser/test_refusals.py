"""Refused uploads show a message and use no quota."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from tests.browser.files import (
    make_upload,
    payload,
    png,
    quota_of,
    stored_objects,
    uploads_of,
)
from tests.browser.upload_page import Traffic, UploadPage
from tests.support.builders import MIB
from tests.support.heads import HEIC, MP4
from uploads.models import StorageQuota, UploadPolicy
from uploads.states import State

PROGRAM = b"MZ\x90\0" + bytes(56) + (64).to_bytes(4, "little") + b"PE\0\0" + bytes(200)


def test_program_named_as_an_image_is_rejected_and_its_space_released(
    upload_page: UploadPage, person: User
) -> None:
    upload_page.choose(
        payload("holiday.png", PROGRAM, "image/png"),
        payload("real.png", png(), "image/png"),
    )
    upload_page.start()

    expect(upload_page.heading("1 file not stored")).to_be_visible()
    reason = (
        "This file is a Windows program, but its name ends in .png. Remove this ending "
        "from the name, then upload the file again."
    )
    received = upload_page.page.get_by_text(reason, exact=True).filter(visible=True)
    expect(upload_page.upload_area.get_by_text(reason, exact=True)).to_be_visible()
    expect(upload_page.row("real.png")).to_contain_text("Ready")
    expect(upload_page.row("holiday.png")).to_contain_text("Refused")
    expect(received).to_have_count(1)
    upload_page.page.get_by_role("button", name="Upload more").click()
    expect(upload_page.row("holiday.png").get_by_text(reason)).to_be_visible()
    expect(received).to_have_count(1)
    uploads = uploads_of(person)
    assert uploads["holiday.png"].state == State.REJECTED
    assert stored_objects(person) == {uploads["real.png"].key: len(png())}
    assert quota_of(person) == (len(png()), 0, 1, 0)


def test_new_files_that_get_a_row_after_a_refusal_are_no_longer_counted(
    upload_page: UploadPage, person: User
) -> None:
    make_upload(person, filename="old.txt")
    files = [payload(f"{n:02}.txt", b"text %d" % n) for n in range(80)]
    files[70] = payload("holiday.png", PROGRAM, "image/png")
    upload_page.open()
    page = upload_page.page

    # The page reads the list again after a refusal. After the batch, it does not,
    # because the list has the focus.
    upload_page.choose(*files)
    upload_page.start()
    page.get_by_role("button", name="Actions for old.txt").focus()
    expect(upload_page.heading("1 file not stored")).to_be_visible()

    def unlisted() -> int:
        rows = page.locator("#file-list [data-id]").count()
        counted = page.locator(".files__newer").filter(visible=True).all_inner_texts()
        numbers = [int(word) for text in counted for word in re.findall(r"\d+", text)]
        return len(files) + 1 - rows - sum(numbers)

    upload_page.wait_until(lambda: unlisted() == 0)
    page.wait_for_timeout(2000)
    assert unlisted() == 0


def test_after_a_batch_the_button_reads_the_list_and_moves_the_focus_into_it(
    upload_page: UploadPage, person: User
) -> None:
    make_upload(person, filename="old.txt")
    upload_page.open()
    page = upload_page.page
    button = page.get_by_role("button", name="Show the new files")

    upload_page.choose(*(payload(f"{n:02}.txt", b"text %d" % n) for n in range(80)))
    upload_page.start()
    page.get_by_role("button", name="Actions for old.txt").focus()
    upload_page.wait_until_uploaded(80)
    expect(button).to_be_visible()
    button.focus()
    page.keyboard.press("Enter")

    expect(page.locator("#file-list [data-id]")).to_have_count(50)
    expect(page.locator(".files__newer")).to_be_hidden()
    expect(page.locator("#file-list :focus")).to_have_count(1)


def test_batch_over_the_byte_quota_is_refused_before_the_upload(
    upload_page: UploadPage, person: User
) -> None:
    StorageQuota.objects.create(user=person, limit_bytes=1000)
    upload_page.open()
    traffic = Traffic(upload_page.page)

    upload_page.choose(payload("a.bin", bytes(600)), payload("b.bin", bytes(600)))

    expect(upload_page.upload_area).to_contain_text(
        "Only 1 kB are free. Leave out some files, or delete stored files below."
    )
    expect(upload_page.start_button).to_be_disabled()
    upload_page.page.get_by_role("button", name="Leave out").first.click()
    expect(upload_page.start_button).to_be_enabled()
    expect(upload_page.upload_area).to_contain_text("400 bytes will still be free.")
    assert traffic.puts == 0
    assert traffic.requests_to("/api/") == 0
    assert uploads_of(person) == {}


def test_batch_over_the_file_quota_is_refused_before_the_upload(
    upload_page: UploadPage, person: User
) -> None:
    StorageQuota.objects.create(user=person, max_files=1)
    upload_page.open()

    upload_page.choose(payload("a.bin", b"a"), payload("b.bin", b"b"))

    expect(upload_page.upload_area).to_contain_text("You can store only 1 more file.")
    expect(upload_page.start_button).to_be_disabled()


def test_quota_is_shown_and_updated(upload_page: UploadPage, person: User) -> None:
    StorageQuota.objects.create(user=person, limit_bytes=10_000)
    upload_page.open()
    expect(upload_page.quota).to_have_text("0 bytes of 10 kB used")

    upload_page.upload(payload("a.bin", bytes(2500)))

    expect(upload_page.quota).to_have_text("2.5 kB of 10 kB used")


def test_file_over_the_size_limit_is_left_out(
    upload_page: UploadPage, person: User
) -> None:
    UploadPolicy.objects.create(user=person, max_file_size=1000)
    upload_page.open()
    traffic = Traffic(upload_page.page)
    expect(upload_page.upload_area).to_contain_text("Up to 1 kB a file")

    upload_page.choose(
        payload("big.bin", bytes(1001)), payload("fits.bin", bytes(1000))
    )

    notice = upload_page.notice("1 file was left out")
    expect(notice).to_contain_text("big.bin: larger than 1 kB, the limit for one file")
    expect(upload_page.start_button).to_have_text("Upload 1 file")
    assert traffic.requests_to("/api/") == 0


# The first bytes decide about the type, so the name and the declared type are
# irrelevant.
@pytest.mark.parametrize("name", ["film.mp4", "film.jpg", "film"])
def test_film_of_4_gib_is_refused_by_its_first_4_kib(
    upload_page: UploadPage, person: User, tmp_path: Path, name: str
) -> None:
    UploadPolicy.objects.create(user=person, allowed_content_types=["image/*"])
    upload_page.open()
    traffic = Traffic(upload_page.page)
    film = tmp_path / name
    film.write_bytes(MP4)
    os.truncate(film, 4096 * MIB)  # a sparse file, which needs no space on the disk

    upload_page.choose(film)
    upload_page.start()

    expect(upload_page.heading("1 file not stored")).to_be_visible()
    reason = "Files of type video/mp4 may not be uploaded here. Allowed: image/*."
    expect(upload_page.upload_area.get_by_text(reason)).to_be_visible()
    assert traffic.puts == 0
    # The request has the first 4 KiB in base64 and the declaration.
    assert 0 < traffic.bytes_sent < 4096 * 4 // 3 + 1024
    assert uploads_of(person) == {}
    assert quota_of(person) == (0, 0, 0, 0)


def test_pictures_are_accepted_under_any_declared_type(
    upload_page: UploadPage, person: User
) -> None:
    UploadPolicy.objects.create(user=person, allowed_content_types=["image/*"])
    upload_page.open()

    upload_page.upload(
        payload("red.png", png(), "image/png"),
        payload("blue.heic", HEIC, ""),
        payload("green.jpg", png(), "application/x-wrong"),
    )

    assert set(uploads_of(person)) == {"red.png", "blue.heic", "green.jpg"}


def test_page_with_an_outdated_quota_shows_the_servers_refusal(
    upload_page: UploadPage, person: User
) -> None:
    upload_page.choose(payload("a.bin", bytes(600)))
    StorageQuota.objects.create(user=person, limit_bytes=100)

    upload_page.start()

    expect(upload_page.heading("1 file not stored")).to_be_visible()
    expect(upload_page.upload_area.get_by_text("100 bytes are free")).to_be_visible()
    assert quota_of(person) == (0, 0, 0, 0)


def test_deleting_a_stored_file_makes_room_for_the_chosen_files(
    upload_page: UploadPage, person: User
) -> None:
    StorageQuota.objects.create(user=person, limit_bytes=1000)
    upload_page.open()
    upload_page.upload(payload("old.bin", bytes(800)))
    upload_page.page.get_by_role("button", name="Upload more").click()
    upload_page.choose(payload("new.bin", bytes(600)))
    expect(upload_page.start_button).to_be_disabled()
    expect(upload_page.upload_area).to_contain_text("Only 200 bytes are free.")

    upload_page.act("old.bin", "Delete")
    dialog = upload_page.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Delete").click()

    expect(upload_page.start_button).to_be_enabled()
    expect(upload_page.upload_area).to_contain_text("400 bytes will still be free.")
    upload_page.start()
    upload_page.wait_until_uploaded(1)
    assert quota_of(person) == (600, 0, 1, 0)
