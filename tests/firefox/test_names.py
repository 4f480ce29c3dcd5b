"""Uploads and downloads keep names, except for changes that the browser makes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from tests.browser.files import make_upload, uploads_of
from tests.webdriver.upload_page import UploadPage

# Firefox, like Chromium, leaves out the first dot and replaces quotes when it saves a
# file, although the Content-Disposition header has the whole name.
SAVED = {".env": "env", 'a "b".txt': "a _b_.txt", "été 東京.txt": "été 東京.txt"}


SHOWN = """
const node = document.querySelector("#file-list .name__shown");
return {
  text: node?.textContent ?? "", whole: node?.scrollWidth, width: node?.clientWidth,
};
"""


def test_file_is_stored_shown_and_saved_under_its_name(
    upload_page: UploadPage, person: User, firefox_home: Path, tmp_path: Path
) -> None:
    contents = {name: f"content of {name}" for name in SAVED}
    for name, content in contents.items():
        (tmp_path / name).write_text(content)

    upload_page.upload(*(tmp_path / name for name in SAVED))

    assert set(uploads_of(person)) == set(SAVED)
    upload_page.expect_names_in_any_order(list(SAVED))
    for name, saved_as in SAVED.items():
        upload_page.window.follow(re.escape(f"Download {name}"))
        assert saved_content(upload_page, firefox_home / saved_as) == contents[name]


@pytest.mark.parametrize("word", ["long ", "ארוך ", "تقرير "])
def test_long_name_is_cut_in_the_middle_and_shows_its_end(
    upload_page: UploadPage, person: User, word: str
) -> None:
    name = f"{word * 30}2026.bin"
    make_upload(person, filename=name)
    window = upload_page.window
    window.set_size(500, 800)
    window.reload()
    upload_page.wait_for_list()

    window.wait_until(
        lambda: "…" in window.run(SHOWN)["text"], lambda: window.run(SHOWN)
    )
    shown = window.run(SHOWN)
    start, end = shown["text"].split("…")
    assert len(start) >= 5, shown
    assert name.startswith(start), shown
    assert name.endswith(end), shown
    assert end.endswith("2026.bin"), shown
    assert shown["whole"] <= shown["width"], shown


def saved_content(page: UploadPage, saved: Path) -> str:
    """Wait until Firefox has saved a file, and return its content."""
    page.window.wait_until(
        lambda: saved.exists() and saved.stat().st_size > 0,
        lambda: [path.name for path in saved.parent.iterdir()],
    )
    return saved.read_text()
