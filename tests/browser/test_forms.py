"""The page sends small files by forms, for which browsers send no CORS preflight."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.files import download, payload
from tests.browser.upload_page import UploadPage
from tests.faults.faults import Answer, DropAnswer, HoldAnswer
from tests.support.browser_errors import BrowserErrors
from tests.support.forms_site import FormsSite, forms_site
from tests.support.live_site import allow_origin
from uploads.models import Upload
from uploads.states import State
from uploads.upkeep.auditing import audit

COUNT = 30
TYPES = (
    "application/octet-stream",
    "text/plain;charset=utf-8",
    "text/html",
    "image/svg+xml",
    "x-world/x-3dmf",
    "näme/größe",
    "",
)


@pytest.fixture
def forms_page(signed_in: Page, forms: FormsSite) -> UploadPage:
    upload_page = UploadPage(signed_in, forms.url)
    upload_page.open()
    return upload_page


def content_of(number: int) -> bytes:
    """Return a content of 0 to 64 KiB that contains line breaks and all bytes."""
    size = [0, 1, 10_000, 65_536][number] if number < 4 else 10_000 + number
    block = bytes(range(256)) + b"\r\n--slipway-" + str(number).encode()
    return (block * (size // len(block) + 1))[:size]


def small_files(first: int = 0, count: int = COUNT) -> list[FilePayload]:
    return [
        payload(f"{number} ü.bin", content_of(number), TYPES[number % len(TYPES)])
        for number in range(first, first + count)
    ]


def assert_stored(page: Page, person: User, count: int = COUNT) -> None:
    """Assert that ``count`` files are ready, and that each has its own bytes."""
    uploads = Upload.objects.filter(owner=person).exclude(state=State.CANCELLED)
    for upload in uploads:
        content = content_of(int(upload.filename.split()[0]))
        assert (upload.state, upload.checksum_verified_by) == ("ready", "storage")
        digest = hashlib.sha256(content).hexdigest()
        assert download(page, upload).sha256 == digest, upload.filename
    assert len(uploads) == count
    keys = {upload.key for upload in Upload.objects.filter(owner=person)}
    assert [found for found in audit() if found.subject in keys] == []


def send_five_more(upload_page: UploadPage, forms: FormsSite) -> None:
    forms.storage.clear_exchanges()
    upload_page.page.get_by_role("button", name="Upload more").click()
    upload_page.upload(*small_files(COUNT, 5))


def test_small_files_leave_by_forms_without_preflights(
    forms_page: UploadPage, forms: FormsSite, person: User
) -> None:
    forms_page.upload(*small_files())

    assert Counter(forms.methods) == {"POST": COUNT}
    assert_stored(forms_page.page, person)


def test_single_small_file_leaves_by_a_form(
    forms_page: UploadPage, forms: FormsSite, person: User
) -> None:
    forms_page.upload(*small_files(2, 1))

    assert forms.methods == ["POST"]
    assert_stored(forms_page.page, person, 1)


def test_files_above_64_kib_leave_by_put(
    forms_page: UploadPage, forms: FormsSite, person: User
) -> None:
    forms_page.upload(payload("larger.bin", b"x" * 65_537))

    assert forms.methods == ["OPTIONS", "PUT"]


def test_small_files_leave_by_put_if_the_storage_does_not_compare_bytes_of_forms(
    signed_in: Page, site_environment: dict[str, str], person: User, tmp_path: Path
) -> None:
    broken = "contract.post.other_bytes"
    with forms_site(site_environment, tmp_path, broken=broken) as site:
        upload_page = UploadPage(signed_in, site.url)
        upload_page.open()
        upload_page.upload(*small_files())

        assert Counter(site.methods) == {"OPTIONS": COUNT, "PUT": COUNT}
        assert_stored(signed_in, person)


@pytest.mark.parametrize("status", [405, 501, 403])
def test_page_sends_files_by_put_if_the_storage_refuses_forms(
    forms_page: UploadPage, forms: FormsSite, person: User, status: int
) -> None:
    forms.storage.inject(Answer(status, "MethodNotAllowed"), method="POST")

    forms_page.upload(*small_files())

    uploads = Upload.objects.filter(owner=person)
    states = Counter(uploads.values_list("state", "transport"))
    cancelled = states.pop((State.CANCELLED, "post"))
    assert states == {(State.READY, "put"): COUNT}
    assert 0 < cancelled <= COUNT
    assert_stored(forms_page.page, person)

    send_five_more(forms_page, forms)
    assert Counter(forms.methods) == {"OPTIONS": 5, "PUT": 5}


def test_files_are_ready_although_the_answers_to_their_forms_were_lost(
    forms_page: UploadPage, forms: FormsSite, person: User
) -> None:
    lost = forms.storage.inject(DropAnswer(), method="POST")

    forms_page.upload(*small_files())

    assert lost.hit_count > 0
    assert_stored(forms_page.page, person)
    send_five_more(forms_page, forms)
    assert Counter(forms.methods) == {"OPTIONS": 5, "PUT": 5}


def test_page_names_the_cause_after_the_cors_rule_was_changed(
    forms_page: UploadPage,
    forms: FormsSite,
    person: User,
    rules: Any,
    browser_errors: BrowserErrors,
) -> None:
    """S3 stores the form, but the browser hides the answer from the page.

    The site finds the file, and the page sends the next files by PUT.
    """
    browser_errors.expect("CORS policy")
    rules(AllowedOrigins=["https://other.example.org"], AllowedHeaders=["*"])
    forms_page.upload(*small_files(COUNT, 1))
    assert forms.methods == ["POST"]
    forms_page.page.get_by_role("button", name="Upload more").click()
    forms_page.choose(*small_files())
    forms_page.start()

    expect(forms_page.upload_area).to_contain_text(
        f"no CORS rule of the bucket allows the origin {forms.url}"
    )
    allow_origin(forms.url)
    forms_page.wait_until_uploaded(COUNT)
    assert_stored(forms_page.page, person, COUNT + 1)


def test_files_whose_forms_were_in_flight_arrive_after_a_pause(
    forms_page: UploadPage, forms: FormsSite, person: User
) -> None:
    page = forms_page.page
    holding = HoldAnswer()
    forms.storage.inject(holding, method="POST")
    forms_page.choose(*small_files())
    forms_page.start()
    forms_page.wait_until(holding.arrived.is_set)
    page.get_by_role("button", name="Pause").click()
    expect(forms_page.heading("Paused")).to_be_visible()
    holding.released.set()
    forms.storage.end_faults()

    page.get_by_role("button", name="Continue").click()
    forms_page.wait_until_uploaded(COUNT)

    assert_stored(page, person)
    assert set(forms.methods) == {"POST"}
