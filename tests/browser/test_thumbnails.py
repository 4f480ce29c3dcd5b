"""A chosen image has a thumbnail in the upload area, and later in the file list."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.files import payload, png
from tests.browser.upload_page import UploadPage


def test_list_keeps_thumbnails_of_files_uploaded_in_this_tab(
    upload_page: UploadPage,
) -> None:
    page = upload_page.page
    upload_page.choose(payload("red.png", png(60, 60), "image/png"))
    _expect_picture(upload_page.upload_area.get_by_role("img", name="red.png"))
    upload_page.start()
    _expect_picture(upload_page.row("red.png").locator("img"))

    # The click frees the picture's memory in the upload area. The search renders the
    # rows of the list again.
    page.get_by_role("button", name="Upload more").click()
    expect(page.get_by_role("button", name="Choose files")).to_be_visible()
    upload_page.search.fill("nothing like it")
    expect(upload_page.row("red.png")).to_have_count(0)
    upload_page.search.fill("")

    _expect_picture(upload_page.row("red.png").locator("img"))


def test_late_thumbnail_is_shown_in_the_upload_area_and_in_the_list(
    upload_page: UploadPage,
) -> None:
    page = upload_page.page
    held = _hold_completions(page)
    upload_page.choose(payload("note.txt", b"note", "text/plain"))
    upload_page.start()
    upload_page.wait_until(lambda: len(held) == 1)

    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Add files").click()
    chooser.value.set_files(payload("red.png", png(60, 60), "image/png"))

    row = upload_page.upload_area.get_by_role("listitem").filter(has_text="red.png")
    _expect_picture(row.locator("img"))
    upload_page.wait_until(lambda: len(held) == 2)
    for route in held:
        route.continue_()
    _expect_picture(upload_page.row("red.png").locator("img"))


def _expect_picture(image: Locator) -> None:
    expect(image).to_be_visible()
    expect(image).to_have_js_property("complete", True)
    assert image.evaluate("image => image.naturalWidth") > 0


def _hold_completions(page: Page) -> list[Route]:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/complete*", hold)
    return held
