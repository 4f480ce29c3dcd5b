"""The browser saves downloads and never runs them. Only real images are shown."""

from __future__ import annotations

import contextlib

from django.contrib.auth.models import User
from playwright.sync_api import Error, expect

from tests.browser.files import download, payload, png, uploads_of
from tests.browser.upload_page import UploadPage

HTML = (
    b"<!doctype html><title>taken over</title><script>alert(document.domain)</script>"
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><rect/></svg>'


# Files that a browser could run: the content and the declared type for each name.
RUNNABLE = {
    "page.html": (HTML, "text/html"),
    "drawing.svg": (SVG, "image/svg+xml"),
    "feed.xml": (b"<?xml version='1.0'?><a/>", "text/xml"),
    "code.js": (b"alert(1)", "text/javascript"),
}


def test_runnable_file_is_downloaded_as_octet_stream(
    upload_page: UploadPage, person: User
) -> None:
    page = upload_page.page
    upload_page.upload(*(payload(name, *facts) for name, facts in RUNNABLE.items()))
    uploads = uploads_of(person)

    for name, (content, content_type) in RUNNABLE.items():
        assert uploads[name].content_type == content_type, name
        got = download(page, uploads[name])
        assert got.headers["content-type"] == "application/octet-stream", name
        assert got.headers["content-disposition"].startswith("attachment;"), name
        with page.expect_download() as saved, contextlib.suppress(Error):
            page.goto(got.url)

        assert saved.value.path().read_bytes() == content, name
        assert page.url.startswith("http://127.0.0.1"), name
        expect(page, name).to_have_title("Your files · Slipway")


def test_file_that_is_no_image_is_never_sent_inline(
    upload_page: UploadPage, person: User
) -> None:
    page = upload_page.page
    upload_page.upload(
        payload("page.html", HTML, "text/html"),
        payload("notes.txt", b"notes", "text/plain"),
    )
    uploads = uploads_of(person)

    for name in ("page.html", "notes.txt"):
        path = f"/api/v1/uploads/{uploads[name].pk}/download?inline=1"
        answer = page.request.get(path, max_redirects=0)
        page.get_by_role("link", name=name, exact=True).click()

        assert answer.status == 422 or "inline" not in answer.headers["location"], name
        expect(page.get_by_role("heading", name=name)).to_be_visible()
        # The page shows an image above this heading. When the heading is visible, an
        # image would be visible too.
        expect(page.get_by_role("heading", name="What happened")).to_be_visible()
        image = page.get_by_role("main").get_by_role("img", name=name)
        expect(image).to_have_count(0)
        upload_page.open()


def test_real_image_is_shown_on_its_page(upload_page: UploadPage, person: User) -> None:
    page = upload_page.page
    upload_page.upload(payload("red.png", png(8, 4), "image/png"))
    got = download(page, uploads_of(person)["red.png"], query="?inline=1")
    assert got.headers["content-type"] == "image/png"
    assert got.headers["content-disposition"].startswith("inline;")

    page.get_by_role("link", name="red.png", exact=True).click()

    image = page.get_by_role("img", name="red.png")
    expect(image).to_have_js_property("naturalWidth", 8)
    expect(image).to_have_js_property("naturalHeight", 4)
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download").click()
    assert saved.value.suggested_filename == "red.png"
