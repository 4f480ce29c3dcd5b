"""Names from right to left begin next to their icon, and keep the words around them."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from tests.browser.files import make_upload, random_file
from tests.browser.upload_page import UploadPage
from uploads.states import State

HEBREW = "תמונה.pdf"
ARABIC = "تقرير.pdf"
MIXED = "דוח Report 2024 تقرير.pdf"
LONG = f"{'ארוך ' * 25}.pdf"
NAMES = (HEBREW, ARABIC, MIXED, LONG)
FOLDER = "תמונות"
WIDEST_GAP = 24
"""The widest space between the icon and the name, in pixels."""

# Texts are cut at the edges of their boxes, so the edges limit the visible text.
POSITIONS = """
(row) => {
  const positions = (node) => {
    const box = node.getBoundingClientRect();
    const range = new Range();
    range.selectNodeContents(node);
    const text = range.getBoundingClientRect();
    const [first, second] = [0, 1].map((index) => {
      range.setStart(node.firstChild, index);
      range.setEnd(node.firstChild, index + 1);
      return range.getBoundingClientRect();
    });
    return {
      left: Math.max(box.left, text.left), right: Math.min(box.right, text.right),
      content: node.textContent, first: first.right, second: second.right,
    };
  };
  const folder = row.querySelector('bdi.file__folder, bdi.chosen__note');
  const icon = row.querySelector('.file__icon').getBoundingClientRect();
  return {
    icon: icon.right,
    name: positions(row.querySelector('.name__shown')),
    folder: folder && positions(folder),
  };
}
"""


@pytest.mark.parametrize("width", [1280, 390])
def test_right_to_left_name_begins_next_to_its_icon(
    signed_in: Page, person: User, bucket_url: str, tmp_path: Path, width: int
) -> None:
    for name in NAMES:
        random_file(tmp_path / FOLDER, name, 4000)
        later = timezone.now() + timedelta(days=1)
        make_upload(person, filename=name, relative_path=f"{FOLDER}/{name}")
        pending = {"state": State.PENDING, "completed_at": None, "expires_at": later}
        make_upload(person, filename=name, **pending)
    signed_in.set_viewport_size({"width": width, "height": 844})
    page = UploadPage(signed_in)
    page.open()
    signed_in.evaluate("document.fonts.ready")

    assert folders_in(page.files, page) == [FOLDER] * len(NAMES)
    folders_in(page.unfinished, page)
    page.choose_folder(tmp_path / FOLDER)
    expect(page.chosen.get_by_role("listitem")).to_have_count(len(NAMES))
    assert folders_in(page.chosen, page) == [FOLDER] * len(NAMES)
    signed_in.route(re.compile(re.escape(bucket_url)), lambda _: None)
    page.start()
    expect(page.heading(re.compile("^Uploading"))).to_be_visible()
    folders_in(page.upload_area, page)


def folders_in(place: Locator, page: UploadPage) -> list[str]:
    """Check the position of each name in this part of the page; return the folders."""
    rows = place.get_by_role("listitem").filter(has=page.page.locator(".name"))
    expect(rows).to_have_count(len(NAMES))
    folders: list[str] = []
    for row in rows.all():
        row.scroll_into_view_if_needed()
        name = row.locator(".name").get_attribute("title")
        facts: dict[str, Any] = row.evaluate(POSITIONS)
        begins_next_to_icon(facts["name"], facts["icon"])
        assert (facts["name"]["content"] != name) == (name == LONG), (name, facts)
        if facts["folder"]:
            begins_next_to_icon(facts["folder"], facts["icon"])
            folders.append(FOLDER)
    return folders


def begins_next_to_icon(text: dict[str, float], icon: float) -> None:
    """Check that the text is next to the icon, and goes from right to left."""
    assert 0 < text["left"] - icon <= WIDEST_GAP, (text, icon)
    assert text["second"] < text["first"], text
    assert text["first"] == pytest.approx(text["right"], abs=1), text


def test_mixed_name_keeps_the_order_of_the_words_around_it(
    upload_page: UploadPage, person: User
) -> None:
    make_upload(person, filename=MIXED)
    upload_page.open()

    upload_page.act(MIXED, "Delete")

    name = upload_page.page.get_by_role("dialog").get_by_text(MIXED, exact=True)
    direction = "(node) => getComputedStyle(node).direction"
    assert name.evaluate(direction) == "rtl"
    row = upload_page.row(MIXED)
    for part in (".file__size", ".file__when", ".name"):
        assert row.locator(part).evaluate(direction) == "ltr"
