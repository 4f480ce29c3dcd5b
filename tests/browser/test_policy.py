"""The Content-Security-Policy is strict, and the browser keeps it."""

from __future__ import annotations

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from tests.browser.files import payload, png
from tests.browser.upload_page import UploadPage

BUCKET = settings.S3_ENDPOINT_URL
INJECT = """
() => {
  const script = document.createElement("script");
  script.textContent = "document.title = 'taken over'";
  document.body.append(script);
}
"""


@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/admin/login/", "/missing"])
def test_every_page_has_a_strict_policy(page: Page, path: str) -> None:
    answer = page.request.get(path)

    policy = _directives(answer.headers["content-security-policy"])
    assert policy["default-src"] == {"'none'"}
    assert policy["script-src"] == {"'self'"}
    assert policy["style-src"] == {"'self'"}
    assert policy["connect-src"] == {"'self'", BUCKET}
    assert policy["img-src"] == {"'self'", "data:", "blob:", BUCKET}
    assert policy["worker-src"] == policy["form-action"] == {"'self'"}
    assert policy["frame-ancestors"] == policy["base-uri"] == {"'none'"}
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"


def test_the_browser_runs_no_injected_script(
    upload_page: UploadPage, complaints: list[str]
) -> None:
    upload_page.page.evaluate(INJECT)

    upload_page.wait_until(lambda: bool(complaints))
    expect(upload_page.page).to_have_title("Your files · Slipway")
    assert len(complaints) == 1
    assert "script-src" in complaints.pop()


def test_the_page_can_speak_to_no_other_site(
    upload_page: UploadPage, complaints: list[str]
) -> None:
    outcome = upload_page.page.evaluate(
        "fetch('http://127.0.0.1:9/').then(() => 'sent', error => error.name)"
    )

    assert outcome == "TypeError"
    upload_page.wait_until(lambda: bool(complaints))
    assert "connect-src" in complaints[0]
    complaints.clear()


def test_nothing_the_page_does_needs_more(upload_page: UploadPage) -> None:
    page = upload_page.page
    upload_page.choose(payload("red.png", png(), "image/png"))
    preview = upload_page.upload_area.get_by_role("img", name="red.png")
    expect(preview).to_have_js_property("complete", True)
    upload_page.start()
    upload_page.wait_until_uploaded(1)
    page.get_by_role("link", name="red.png", exact=True).click()
    expect(page.get_by_role("img", name="red.png")).to_be_visible()
    page.get_by_role("link", name="API").click()

    # `complaints` fails this test if any of it broke the policy.
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def _directives(policy: str) -> dict[str, set[str]]:
    words = [directive.split() for directive in policy.split(";")]
    return {name: set(sources) for name, *sources in words}
