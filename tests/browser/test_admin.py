"""The admin's pages open in a browser, obey the policy and show uploads."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from tests.browser.files import payload
from tests.browser.upload_page import UploadPage

OTHER_PAGES = {
    "/admin/uploads/storagequota/": "used",
    "/admin/uploads/auditevent/": "upload.started",
    "/admin/uploads/uploadpolicy/add/": "largest file",
    "/admin/uploads/apitoken/": "token",
    "/admin/auth/user/": "username",
}


@pytest.fixture
def person(person: User) -> User:
    person.is_staff = person.is_superuser = True
    person.save()
    return person


def test_admin_shows_an_upload_and_opens_its_other_pages(
    upload_page: UploadPage, person: User
) -> None:
    page = upload_page.page
    upload_page.upload(payload("ledger.bin", bytes(1234)))
    page.get_by_label(f"Account of {person.username}").click()
    page.get_by_role("link", name="Admin").click()

    models = page.get_by_role("table", name="Uploads")
    models.get_by_role("row").get_by_role("link", name="Uploads", exact=True).click()
    row = page.get_by_role("row").filter(has_text=person.username)
    expect(row).to_contain_text("ledger.bin")
    expect(row).to_contain_text("ready", ignore_case=True)
    row.get_by_role("link", name="ledger.bin").click()

    expect(page.get_by_role("main")).to_contain_text("1,234")
    expect(page.get_by_role("main")).to_contain_text("upload.ready")

    for path, words in OTHER_PAGES.items():
        answer = page.goto(path)
        assert answer is not None, path
        assert answer.status == 200, path
        main = page.get_by_role("main")
        expect(main, path).to_contain_text(words, ignore_case=True)
