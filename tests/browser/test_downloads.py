"""What comes back from the bucket is saved, never run; only true images are shown."""

from __future__ import annotations

import contextlib

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Error, expect

from tests.browser.files import download, payload, png, uploads_of
from tests.browser.upload_page import UploadPage

HTML = (
    b"<!doctype html><title>taken over</title><script>alert(document.domain)</script>"
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><rect/></svg>'


@pytest.mark.parametrize(
    ("name", "content", "mime_type"),
    [
        ("page.html", HTML, "text/html"),
        ("drawing.svg", SVG, "image/svg+xml"),
        ("feed.xml", b"<?xml version='1.0'?><a/>", "text/xml"),
        ("code.js", b"alert(1)", "text/javascript"),
    ],
    ids=["html", "svg", "xml", "javascript"],
)
def test_what_a_browser_could_run_is_kept_as_plain_bytes_and_only_downloaded(
    upload_page: UploadPage, person: User, name: str, content: bytes, mime_type: str
) -> None:
    page = upload_page.page
    upload_page.upload(payload(name, content, mime_type))
    upload = uploads_of(person)[name]
    assert upload.content_type == "application/octet-stream"

    got = download(page, upload)
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"].startswith("attachment;")
    with page.expect_download() as saved, contextlib.suppress(Error):
        page.goto(got.url)

    assert saved.value.path().read_bytes() == content
    assert page.url.startswith("http://127.0.0.1")
    expect(page).to_have_title("Your files · Slipway")


@pytest.mark.parametrize(
    ("name", "content", "mime_type"),
    [("page.html", HTML, "text/html"), ("notes.txt", b"notes", "text/plain")],
    ids=["html", "text"],
)
def test_what_is_no_image_is_never_sent_inline(
    upload_page: UploadPage, person: User, name: str, content: bytes, mime_type: str
) -> None:
    page = upload_page.page
    upload_page.upload(payload(name, content, mime_type))
    path = f"/api/v1/uploads/{uploads_of(person)[name].pk}/download?inline=1"

    answer = page.request.get(path, max_redirects=0)
    page.get_by_role("link", name=name, exact=True).click()

    assert answer.status == 422 or "inline" not in answer.headers["location"]
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    # It stands below where an image would be.
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("img", name=name)).to_have_count(0)


def test_a_true_image_is_shown_on_its_page(
    upload_page: UploadPage, person: User
) -> None:
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
