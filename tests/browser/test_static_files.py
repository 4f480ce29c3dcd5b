"""With DEBUG off, the site serves hashed and compressed files, cached for ever."""

from __future__ import annotations

import re

from playwright.sync_api import Page

from tests.browser.upload_page import UploadPage

HASHED = re.compile(r"^/static/.+\.[0-9a-f]{12}\.(css|js|svg|woff2)$")


def test_page_uses_hashed_files_that_are_cached_for_ever(
    signed_in: Page, base_url: str
) -> None:
    fetched: dict[str, int] = {}
    signed_in.on(
        "response",
        lambda answer: fetched.update(
            {answer.url.removeprefix(base_url): answer.status}
        ),
    )
    upload_page = UploadPage(signed_in)
    upload_page.open()
    signed_in.evaluate("document.fonts.ready.then(() => {})")
    signed_in.wait_for_load_state("networkidle")

    def kinds() -> set[str]:
        return {path.rpartition(".")[2] for path in fetched if "/static/" in path}

    upload_page.wait_until(lambda: kinds() >= {"css", "js", "woff2"}, kinds)
    files = {path: status for path, status in fetched.items() if "/static/" in path}
    assert [path for path in files if not HASHED.match(path)] == []
    assert set(files.values()) == {200}
    for path in files:
        headers = signed_in.request.get(path).headers
        assert headers["cache-control"] == "max-age=315360000, public, immutable"
    [script] = [
        path for path in files if "/build/main." in path and path.endswith("js")
    ]
    assert signed_in.request.get(script).headers["content-encoding"] in {"br", "gzip"}


def test_missing_static_file_is_not_found(page: Page) -> None:
    assert page.request.get("/static/build/missing.js").status == 404
