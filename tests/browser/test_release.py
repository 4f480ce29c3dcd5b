"""Release from quarantine: the owner requests a release, and an operator decides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import sign_in
from tests.browser.files import make_upload, payload, quota_of
from tests.browser.test_refusals import PROGRAM
from tests.browser.upload_page import UploadPage
from tests.support.live_site import LiveSite, serve
from uploads.inspection.verdicts import MALWARE
from uploads.models import Upload
from uploads.states import State

ASKED = "You have asked the operators to release this file."
REASON = "This file is a Windows program, but its name ends in .png."


@pytest.fixture
def quarantine_site(
    site_environment: dict[str, str], tmp_path: Path
) -> Iterator[LiveSite]:
    """Run a site that keeps refused files in quarantine."""
    environment = {**site_environment, "UPLOADS_QUARANTINE_PREFIX": "quarantine/"}
    with serve(environment, tmp_path) as site:
        yield site


@pytest.fixture
def files(page: Page, person: User, quarantine_site: LiveSite) -> UploadPage:
    """Open and return the page of `person`'s files on `quarantine_site`."""
    sign_in(page, person, quarantine_site.url)
    files = UploadPage(page, quarantine_site.url)
    files.open()
    return files


def refuse(files: UploadPage) -> None:
    """Upload a program with the name of an image, which the site refuses."""
    files.choose(payload("holiday.png", PROGRAM, "image/png"))
    files.start()
    expect(files.row("holiday.png")).to_contain_text(
        "A copy of this file is in quarantine."
    )
    expect(files.upload_area.get_by_text(REASON)).to_be_visible()


def release_as_operator(browser: Browser, url: str, person: User) -> User:
    """Release the only requested file in the admin. Return the operator."""
    operator = User.objects.create_superuser(f"operator-of-{person.username}")
    operator_page = browser.new_context().new_page()
    sign_in(operator_page, operator, url)
    operator_page.goto(f"{url}/admin/uploads/upload/?inspection=requested")
    row = operator_page.get_by_role("row").filter(has_text=person.username)
    row.get_by_role("link", name="holiday.png").click()
    release = operator_page.get_by_role("button", name="Release", exact=True)
    release.click()
    done = operator_page.get_by_text(
        '"holiday.png": The file is released, and its owner can download it.'
    )
    expect(done).to_be_visible()
    expect(release).to_have_count(0)
    operator_page.context.close()
    return operator


def test_refused_file_is_requested_in_the_list_released_and_downloaded(
    files: UploadPage, person: User, browser: Browser
) -> None:
    page = files.page
    refuse(files)
    files.act("holiday.png", "Ask for release")
    dialog = page.get_by_role("dialog", name="Ask for the release of this file?")
    dialog.get_by_role("button", name="Ask", exact=True).click()
    expect(files.row("holiday.png")).to_contain_text(ASKED)
    page.reload()
    expect(files.row("holiday.png")).to_contain_text(ASKED)
    refused = Upload.objects.get(owner=person)

    operator = release_as_operator(browser, files.url, person)
    page.reload()
    # Both rows have the same name. The newer row is the released file.
    rows = files.row("holiday.png")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Ready")
    rows.last.get_by_role("link", name="a new file").click()

    expect(page.get_by_role("main")).to_contain_text("Released from")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download", exact=True).click()
    assert saved.value.path().read_bytes() == PROGRAM
    assert saved.value.suggested_filename == "holiday.png"
    refused.refresh_from_db()
    assert refused.state == State.REJECTED
    assert refused.events.get(kind="upload.released").actor == operator
    assert quota_of(person) == (len(PROGRAM), 0, 1, 0)


def test_refused_file_is_requested_on_its_page_and_links_to_the_release(
    files: UploadPage, person: User, browser: Browser
) -> None:
    page = files.page
    refuse(files)
    files.row("holiday.png").get_by_role("link", name="holiday.png").click()
    main = page.get_by_role("main")
    expect(main).to_contain_text(REASON)
    page.get_by_role("button", name="Ask for release").click()
    expect(main).to_contain_text(ASKED)
    expect(page.get_by_role("button", name="Ask for release")).to_have_count(0)

    release_as_operator(browser, files.url, person)
    page.reload()
    expect(main).to_contain_text("The site has created a new upload")
    page.get_by_role("link", name="Show the released file").click()

    expect(main).to_contain_text("Released from")
    page.get_by_role("link", name="the refused upload").click()
    expect(main).to_contain_text(REASON)


def test_removal_question_tells_that_the_release_is_lost(files: UploadPage) -> None:
    refuse(files)
    files.act("holiday.png", "Remove")

    expect(files.page.get_by_role("dialog")).to_contain_text(
        "After the removal, no operator can release this file."
    )


def test_release_of_malware_is_never_offered(files: UploadPage, person: User) -> None:
    infected = make_upload(
        person,
        filename="infected.zip",
        state=State.REJECTED,
        rejected_cause=MALWARE,
        rejected_reason="It holds what ClamAV knows as Eicar-Signature.",
        quarantine_key="quarantine/infected",
    )
    page = files.page
    files.open()

    files.row("infected.zip").get_by_role("button", name="Actions for").click()
    expect(page.get_by_role("menuitem", name="Remove")).to_be_visible()
    expect(page.get_by_role("menuitem", name="Ask for release")).to_have_count(0)
    page.goto(f"{files.url}/uploads/{infected.pk}/")
    expect(page.get_by_role("main")).to_contain_text(
        "The file was deleted from storage."
    )
    expect(page.get_by_role("button", name="Ask for release")).to_have_count(0)
