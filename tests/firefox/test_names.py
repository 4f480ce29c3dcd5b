"""Uploads and downloads keep names, except for changes that the browser makes."""

from __future__ import annotations

import re
from pathlib import Path

from django.contrib.auth.models import User

from tests.browser.files import uploads_of
from tests.webdriver.upload_page import UploadPage

# Firefox, like Chromium, leaves out the first dot and replaces quotes when it saves a
# file, although the Content-Disposition header has the whole name.
SAVED = {".env": "env", 'a "b".txt': "a _b_.txt", "été 東京.txt": "été 東京.txt"}


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


def saved_content(page: UploadPage, saved: Path) -> str:
    """Wait until Firefox has saved a file, and return its content."""
    page.window.wait_until(
        lambda: saved.exists() and saved.stat().st_size > 0,
        lambda: [path.name for path in saved.parent.iterdir()],
    )
    return saved.read_text()
