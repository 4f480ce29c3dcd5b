"""The list of chosen files: partial rendering, keyboard and thumbnails."""

from __future__ import annotations

from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.browser.files import payload, png, uploads_of
from tests.browser.upload_page import UploadPage

# Drops a folder with `count` small files that are not on a disk.
DROP_MANY = """
(count) => {
  const children = Array.from({length: count}, (_, number) => {
    const name = `photo ${number}.txt`;
    return {
      name, isFile: true, isDirectory: false,
      file: (resolve) => setTimeout(resolve, 0, new File([name], name)),
    };
  });
  const createReader = () => {
    let given = 0;
    return {readEntries: (resolve) => {
      const some = children.slice(given, given + 100);
      given += some.length;
      setTimeout(resolve, 0, some);
    }};
  };
  const folder = {name: "many", isFile: false, isDirectory: true, createReader};
  const item = {kind: "file", webkitGetAsEntry: () => folder, getAsFile: () => null};
  const event = new Event("drop", {bubbles: true, cancelable: true});
  const transfer = {types: ["Files"], items: [item], files: []};
  Object.defineProperty(event, "dataTransfer", {value: transfer});
  document.body.dispatchEvent(event);
}
"""
# Records the start button's text and position, and the list's title, at each change of
# the page.
WATCH = """
() => {
  window.seen = [];
  const look = () => {
    const start = [...document.querySelectorAll("#batch button")].pop();
    if (start.getClientRects().length === 0) return;
    const title = document.querySelector("#chooser h2").textContent;
    seen.push({start: start.textContent, top: start.getBoundingClientRect().top, title});
  };
  const facts = {subtree: true, childList: true, characterData: true, attributes: true};
  new MutationObserver(look).observe(document.querySelector("main"), facts);
}
"""
TWO_FRAMES = """
() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
"""
NAME_OF_FOCUSED = "() => document.activeElement.getAttribute('aria-label')"
TOUCH = """
const asked = window.matchMedia;
window.matchMedia = (query) =>
  query.includes("pointer: coarse")
    ? Object.assign(new EventTarget(), {matches: true, media: query})
    : asked.call(window, query);
"""


def focused(page: Page) -> str:
    """Return the label of the element that has the focus."""
    label: str = page.evaluate(NAME_OF_FOCUSED)
    return label


def test_list_of_thousands_of_files_renders_only_visible_rows(
    upload_page: UploadPage,
) -> None:
    page = upload_page.page
    page.evaluate(DROP_MANY, 3000)
    expect(upload_page.start_button).to_have_text("Upload 3,000 files")
    rows = upload_page.chosen.get_by_role("listitem")
    expect(rows.first).to_have_attribute("aria-setsize", "3000")
    assert rows.count() < 30

    page.get_by_role("button", name="Leave out photo 0.txt").focus()
    page.keyboard.press("End")
    assert focused(page) == "Leave out photo 2999.txt"
    last = rows.filter(has_text="photo 2999.txt")
    expect(last).to_be_in_viewport()
    expect(last).to_have_attribute("aria-posinset", "3000")
    page.keyboard.press("PageUp")
    page.keyboard.press("Home")
    assert focused(page) == "Leave out photo 0.txt"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Delete")

    expect(upload_page.start_button).to_have_text("Upload 2,999 files")
    assert focused(page) == "Leave out photo 2.txt"
    expect(rows.filter(has_text="photo 1.txt")).to_have_count(0)
    assert rows.count() < 30


def test_row_keeps_the_focus_while_the_list_is_scrolled(
    upload_page: UploadPage,
) -> None:
    page = upload_page.page
    page.evaluate(DROP_MANY, 500)
    expect(upload_page.start_button).to_have_text("Upload 500 files")
    page.get_by_role("button", name="Leave out photo 3.txt").focus()

    upload_page.chosen.hover()
    page.mouse.wheel(0, 12_000)
    expect(
        upload_page.chosen.get_by_role("listitem").filter(has_text="photo 220.txt")
    ).to_be_visible()

    assert focused(page) == "Leave out photo 3.txt"
    page.keyboard.press("ArrowDown")
    assert focused(page) == "Leave out photo 4.txt"


def test_focus_moves_to_a_control_after_choosing_clearing_and_removing(
    upload_page: UploadPage,
) -> None:
    page = upload_page.page
    choose = page.get_by_role("button", name="Choose files")
    with page.expect_file_chooser() as chooser:
        choose.press("Enter")
    chooser.value.set_files(payload("a.txt", b"a"))
    heading = page.get_by_role("heading", name="1 file chosen")
    expect(heading).to_be_focused()

    page.get_by_role("button", name="Leave out a.txt").press("Enter")
    expect(choose).to_be_focused()
    with page.expect_file_chooser() as chooser:
        choose.press("Enter")
    chooser.value.set_files(payload("b.txt", b"b"))
    expect(heading).to_be_focused()
    page.get_by_role("button", name="Clear").press("Enter")

    expect(choose).to_be_focused()
    expect(upload_page.start_button).to_be_hidden()


def test_start_button_appears_at_its_final_place_with_the_list(
    upload_page: UploadPage,
) -> None:
    page = upload_page.page
    page.evaluate(WATCH)

    for number, files in enumerate(("1 file", "2 files", "3 files")):
        upload_page.choose(payload(f"{number}.txt", b"a"))
        expect(upload_page.start_button).to_have_text(f"Upload {files}")
        page.evaluate(TWO_FRAMES)

        seen = [
            look
            for look in page.evaluate("window.seen")
            if look["start"] == f"Upload {files}"
        ]
        assert {look["title"].split(" · ")[0] for look in seen} == {f"{files} chosen"}
        assert len({look["top"] for look in seen}) == 1, seen


def test_unreadable_picture_is_shown_as_an_icon(
    upload_page: UploadPage, person: User
) -> None:
    upload_page.choose(
        payload("broken.png", png()[:40], "image/png"),
        payload("red.png", png(60, 60), "image/png"),
    )

    expect(upload_page.chosen.get_by_role("img", name="red.png")).to_be_visible()
    expect(upload_page.chosen.get_by_role("img")).to_have_count(1)
    broken = upload_page.chosen.get_by_role("listitem").filter(has_text="broken.png")
    expect(broken.locator("svg").first).to_be_visible()


def test_phone_offers_to_take_a_photo(signed_in: Page, person: User) -> None:
    signed_in.add_init_script(TOUCH)
    upload_page = UploadPage(signed_in)
    upload_page.open()
    expect(upload_page.upload_area).to_contain_text("Upload files or a folder")

    with signed_in.expect_file_chooser() as chooser:
        signed_in.get_by_role("button", name="Take a photo").click()
    camera = chooser.value.element
    assert camera.get_attribute("capture") == "environment"
    assert camera.get_attribute("accept") == "image/*"
    chooser.value.set_files([payload("image.jpg", b"a photo", "image/jpeg")])
    expect(upload_page.start_button).to_have_text("Upload 1 file")
    assert uploads_of(person) == {}
