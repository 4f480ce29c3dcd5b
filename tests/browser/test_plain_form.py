"""Upload without JavaScript: reserve space, send the file by a form, complete."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect

from tests.browser.files import (
    MIB,
    download,
    make_upload,
    payload,
    quota_of,
    random_file,
    sha256,
    uploads_of,
)
from tests.browser.upload_page import TIMEOUT_MS
from uploads.models import StorageQuota, Upload
from uploads.s3.bucket import get_bucket
from uploads.s3.keys import incoming_key
from uploads.states import State, Transport
from uploads.upkeep.auditing import audit


@pytest.fixture
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "java_script_enabled": False}


def reserve_space(page: Page, room: str, name: str = "") -> None:
    """Reserve space by the form on the page of files, and wait for the next page."""
    page.goto("/")
    area = page.get_by_role("region", name="Upload a file")
    area.get_by_label("The file is at most").select_option(label=room)
    area.get_by_label("Name (optional)").fill(name)
    with page.expect_navigation():
        area.get_by_role("button", name="Continue").click()


def files_of(page: Page) -> Locator:
    """Return the element with the list of files.

    It is found by its role, because Playwright finds no text inside a `noscript`.
    """
    return page.get_by_role("region", name="Files")


def send(page: Page, file: Any) -> None:
    """Choose a file on the page of the form, and send it."""
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Send").click(timeout=TIMEOUT_MS)


def ready(person: User, name: str) -> Upload:
    upload = uploads_of(person)[name]
    assert upload.state == State.READY
    assert upload.transport == Transport.FORM
    assert get_bucket().head_object(incoming_key(upload.key)) is None
    return upload


def test_form_uploads_50_mib_with_a_verified_checksum(
    signed_in: Page, person: User, tmp_path: Path
) -> None:
    file = random_file(tmp_path, "survey.bin", 50 * MIB)
    reserve_space(signed_in, "100 MB", "survey.bin")
    assert quota_of(person) == (0, 100_000_000, 0, 1)

    send(signed_in, file)

    expect(signed_in.get_by_role("heading", name="survey.bin")).to_be_visible()
    expect(signed_in.get_by_text("Checked and stored")).to_be_visible()
    upload = ready(person, "survey.bin")
    assert quota_of(person) == (50 * MIB, 0, 1, 0)
    assert download(signed_in, upload).sha256 == sha256(file)
    assert [gap for gap in audit() if str(upload.pk) in gap.detail] == []


def test_reservation_over_the_quota_is_refused_with_a_message(
    signed_in: Page, person: User
) -> None:
    StorageQuota.objects.create(user=person, limit_bytes=40 * 1000**2)

    reserve_space(signed_in, "100 MB")

    refusal = "enough space for a file of up to 100 MB: 40 MB of your 40 MB are free"
    expect(signed_in.get_by_text(refusal)).to_be_visible()
    expect(signed_in.get_by_role("button", name="Continue")).to_be_visible()
    assert uploads_of(person) == {}
    assert quota_of(person) == (0, 0, 0, 0)


def test_reservation_of_all_free_space_is_accepted(
    signed_in: Page, person: User
) -> None:
    StorageQuota.objects.create(user=person, limit_bytes=1000)

    reserve_space(signed_in, "1 kB, all your free space", "full.txt")
    send(signed_in, payload("other.txt", b"x" * 1000))

    expect(signed_in.get_by_role("heading", name="full.txt")).to_be_visible()
    assert ready(person, "full.txt").byte_size == 1000
    assert quota_of(person) == (1000, 0, 1, 0)


def test_file_over_the_reserved_size_is_refused_and_can_be_cancelled(
    signed_in: Page, person: User, bucket_url: str
) -> None:
    StorageQuota.objects.create(user=person, limit_bytes=1000)
    reserve_space(signed_in, "1 kB, all your free space")

    send(signed_in, payload("big.bin", b"x" * 1001))
    expect(signed_in).to_have_url(re.compile(re.escape(bucket_url)))
    expect(signed_in.get_by_text("EntityTooLarge").first).to_be_attached()
    signed_in.go_back()
    # The form's page has explained this error of S3 in advance.
    expect(signed_in.get_by_role("main")).to_contain_text("EntityTooLarge")
    signed_in.get_by_role("button", name="Cancel the upload").click()

    expect(files_of(signed_in)).to_contain_text("No files yet")
    assert quota_of(person) == (0, 0, 0, 0)


def test_empty_and_unusually_named_files_keep_their_names(
    signed_in: Page, person: User
) -> None:
    sent = 0
    for count, (name, content) in enumerate(
        (
            ("empty.txt", b""),
            ("Prüfbericht 测试 (1).txt", b"ok"),
            ('"><img src=x onerror=alert(1)>.txt', b"markup"),
        ),
        start=1,
    ):
        reserve_space(signed_in, "100 MB", name)

        send(signed_in, payload("x", content))

        expect(signed_in.get_by_role("heading", name=name)).to_be_visible()
        expect(signed_in.get_by_text("Checked and stored")).to_be_visible()
        assert ready(person, name).content_type == "text/plain", name
        sent += len(content)
        assert quota_of(person) == (sent, 0, count, 0), name


def test_file_without_a_name_gets_a_name(signed_in: Page, person: User) -> None:
    reserve_space(signed_in, "100 MB")

    send(signed_in, payload("report.pdf", b"%PDF-1.7\n"))

    expect(signed_in.get_by_text("Checked and stored")).to_be_visible()
    [upload] = uploads_of(person).values()
    # AWS stores the sent file's name in the metadata, SeaweedFS stores none.
    assert re.fullmatch(r"upload-\d{4}-\d\d-\d\d\.pdf", upload.filename)
    assert upload.content_type == "application/pdf"


def test_file_rejected_by_its_content_shows_the_reason(
    signed_in: Page, person: User
) -> None:
    reserve_space(signed_in, "100 MB", "picture.png")

    send(signed_in, payload("picture.png", b"MZ\x90\x00" + bytes(60)))

    expect(signed_in.get_by_text("This file was refused.")).to_be_visible()
    assert quota_of(person) == (0, 0, 0, 0)


def test_check_before_a_file_was_sent_offers_the_form_again(
    signed_in: Page, person: User
) -> None:
    reserve_space(signed_in, "100 MB", "late.txt")
    [upload] = uploads_of(person).values()

    signed_in.goto(f"/uploads/{upload.pk}/arrived/")
    expect(signed_in.get_by_text("The file has not arrived.")).to_be_visible()
    send(signed_in, payload("late.txt", b"here"))

    expect(signed_in.get_by_text("Checked and stored")).to_be_visible()
    ready(person, "late.txt")


def test_files_are_listed_renamed_and_deleted_without_scripts(
    signed_in: Page, person: User
) -> None:
    upload = make_upload(person)
    signed_in.goto("/")
    files = files_of(signed_in)
    expect(files.get_by_role("listitem")).to_have_count(1)
    expect(files).to_contain_text("1 kB")
    expect(signed_in.get_by_role("banner")).to_contain_text("1 kB of 20 GB used")

    files.get_by_role("link", name="survey.pdf").click()
    # Wait for the page of the file, because the page of files also has a field for a
    # name.
    expect(signed_in.get_by_role("heading", name="survey.pdf")).to_be_visible()
    signed_in.get_by_role("textbox", name="Name").fill("final.pdf")
    signed_in.get_by_role("button", name="Rename").click()
    expect(signed_in.get_by_role("heading", name="final.pdf")).to_be_visible()
    signed_in.get_by_role("button", name="Delete").click()

    expect(signed_in.get_by_text("final.pdf is deleted.")).to_be_visible()
    expect(files_of(signed_in)).to_contain_text("No files yet")
    upload.refresh_from_db()
    assert upload.state == State.DELETED
