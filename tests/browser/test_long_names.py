"""A name that is too wide is shortened in the middle, so that its end stays visible."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.browser.files import make_upload
from tests.browser.upload_page import UploadPage

LATIN = f"{'long ' * 39}n.txt"
HEBREW = f"{'ארוך ' * 25}סוף 2026.bin"
ARABIC = f"{'تقرير ' * 25}سنة 2026.bin"
MIXED = f"{'long ארוך ' * 12}סוף 2026.bin"
ACCENTS = "e\u0301 long " * 20 + "e\u0301t 2026.bin"
EMOJI = f"{'👩‍👩‍👧 long ' * 12}👩‍👩‍👧 2026.bin"

WIDEST_FREE = 60
"""The widest space next to a shortened name, in pixels: the space for the ellipsis and one
character."""

# The free space next to the text, and the distance from the box to its last letters.
SHOWN = """
(node) => {
  const box = node.getBoundingClientRect();
  const range = new Range();
  range.selectNodeContents(node);
  const text = range.getBoundingClientRect();
  const place = node.closest('.name').getBoundingClientRect();
  range.setStart(node.firstChild, node.textContent.length - 8);
  const end = range.getBoundingClientRect();
  return {
    content: node.textContent, free: place.width - text.width,
    outside: Math.max(box.left - end.left, end.right - box.right),
  };
}
"""


@pytest.mark.parametrize("name", [LATIN, HEBREW, ARABIC, MIXED, ACCENTS, EMOJI])
def test_long_name_is_cut_in_the_middle_and_shows_its_end(
    signed_in: Page, person: User, name: str
) -> None:
    make_upload(person, filename=name)
    signed_in.set_viewport_size({"width": 390, "height": 844})
    page = UploadPage(signed_in)
    page.open()

    page.choose({"name": name, "mimeType": "", "buffer": b"x"})
    for place in (page.chosen, page.files):
        shown = place.locator(".name__shown").first
        expect(shown).to_have_text(re.compile("….*" + re.escape(name[-8:])))
        facts = shown.evaluate(SHOWN)
        start, end = facts["content"].split("…")
        assert start, facts
        assert name.startswith(start), facts
        assert name.endswith(end), facts
        assert not re.match("[\u0301\u200d]", name[len(start) :]), facts
        assert facts["outside"] <= 1, facts
        assert 0 <= facts["free"] <= WIDEST_FREE, facts
    expect(page.row(name)).to_be_visible()


def test_cut_name_is_shown_whole_in_a_wider_window_and_copied_whole(
    signed_in: Page, person: User
) -> None:
    name = "a report of the year that is rather long, version 2026.bin"
    make_upload(person, filename=name)
    signed_in.set_viewport_size({"width": 390, "height": 844})
    page = UploadPage(signed_in)
    page.open()
    shown = page.files.locator(".name__shown")
    expect(shown).to_have_text(re.compile("…"))

    selected = page.files.locator(".name").evaluate(
        "(node) => (getSelection().selectAllChildren(node), getSelection().toString())"
    )
    assert selected.strip() == name
    signed_in.set_viewport_size({"width": 740, "height": 844})
    expect(shown).to_have_text(name)
    signed_in.set_viewport_size({"width": 390, "height": 844})
    expect(shown).to_have_text(re.compile("…"))
