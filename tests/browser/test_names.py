"""Pages and downloads treat every file name as text, also names with markup."""

from __future__ import annotations

from urllib.parse import quote

from django.contrib.auth.models import User
from playwright.sync_api import expect

from tests.browser.files import download, payload, png, quota_of, uploads_of
from tests.browser.upload_page import UploadPage

LONG = f"{'long ' * 39}n.txt"
MARKUP = "<img src=x onerror=alert(1)>.png"

# Names on the person's disk, and the names under which the site stores them.
NAMES = {
    MARKUP: MARKUP,
    "\"><script>alert('name')</script>.txt": "script>.txt",
    'a"; filename="b.exe': 'a"; filename="b.exe',
    "été 東京 مرحبا.txt": "été 東京 مرحبا.txt",
    "👩‍🚀 🚀.txt": "👩‍🚀 🚀.txt",
    "invoice\u202egnp.exe": "invoicegnp.exe",
    "e\u0301te\u0301 decomposed.txt": "\u00e9t\u00e9 decomposed.txt",
    "100%41 & more;.txt": "100%41 & more;.txt",
    "../../etc/passwd": "passwd",
    ".env": ".env",
    'a "b".txt': 'a "b".txt',
    "back\\slash.txt": "back_slash.txt",
    "aux.c": "_aux.c",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.txt": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.txt",
    "\u200b": "unnamed",
    LONG: LONG,
}


def test_hostile_name_is_shown_as_text_and_stored_unchanged(
    upload_page: UploadPage, person: User
) -> None:
    assert len(LONG) == 200
    contents = {name: f"content of {name}".encode() for name in NAMES}
    contents[MARKUP] = png()
    files = [
        payload(name, content, "image/png" if name == MARKUP else "")
        for name, content in contents.items()
    ]

    upload_page.choose(*files)
    expect(upload_page.start_button).to_have_text(f"Upload {len(NAMES)} files")
    expect(upload_page.upload_area).to_contain_text("<img src=x one")
    upload_page.start()
    upload_page.wait_until_uploaded(len(NAMES))

    uploads = uploads_of(person)
    assert set(uploads) == set(NAMES.values())
    upload_page.expect_names_in_any_order(*NAMES.values())
    total = sum(map(len, contents.values()))
    assert quota_of(person) == (total, 0, len(NAMES), 0)
    for sent, kept in NAMES.items():
        body = upload_page.page.request.get(
            f"/api/v1/uploads/{uploads[kept].pk}/download"
        )
        assert body.body() == contents[sent]
    expect(upload_page.row(MARKUP)).to_contain_text("Ready")
    expect(upload_page.page.locator("img[src='x']")).to_have_count(0)


def test_download_header_names_the_file_for_old_and_new_browsers(
    upload_page: UploadPage, person: User
) -> None:
    fallbacks = {
        MARKUP: MARKUP,
        "été 東京.txt": "_t_ __.txt",
        "100% & more; a,b.txt": "100_ & more; a,b.txt",
        'a "b".txt': "a _b_.txt",
        ".env": ".env",
    }
    upload_page.upload(*(payload(name, b"content") for name in fallbacks))

    uploads = uploads_of(person)
    for name, fallback in fallbacks.items():
        header = download(upload_page.page, uploads[name]).headers[
            "content-disposition"
        ]
        old, new = f'filename="{fallback}"', quote(name, safe="!#$&+-.^_`|~")
        assert header == f"attachment; {old}; filename*=UTF-8''{new}"


# Chromium removes the first dot and replaces quotes and joiners in names of downloads.
SAVED = {
    "été 東京 🚀.txt": "été 東京 🚀.txt",
    ".env": "env",
    'a "b".txt': "a _b_.txt",
    "👩\u200d🚀.txt": "👩_🚀.txt",
}


def test_browser_saves_a_download_under_the_files_name(upload_page: UploadPage) -> None:
    upload_page.upload(*(payload(name, b"content") for name in SAVED))

    for name, saved_as in SAVED.items():
        with upload_page.page.expect_download() as saved:
            link = upload_page.row(name).get_by_role("link", name=f"Download {name}")
            link.click()
        assert saved.value.suggested_filename == saved_as
        assert saved.value.path().read_bytes() == b"content"


def test_hostile_name_is_shown_as_text_on_the_file_page_and_in_dialogs(
    upload_page: UploadPage,
) -> None:
    page = upload_page.page
    upload_page.upload(payload(MARKUP, png(), "image/png"))

    upload_page.act(MARKUP, "Delete")
    dialog = page.get_by_role("dialog", name="Delete this file?")
    expect(dialog.get_by_text(MARKUP, exact=True)).to_be_visible()
    dialog.get_by_role("button", name="Keep").click()
    upload_page.act(MARKUP, "Details")

    expect(page.get_by_role("heading", name=MARKUP)).to_be_visible()
    expect(page.get_by_role("img", name=MARKUP)).to_be_visible()
    expect(page).to_have_title(f"{MARKUP} · Slipway")
    expect(page.locator("img[src='x']")).to_have_count(0)
