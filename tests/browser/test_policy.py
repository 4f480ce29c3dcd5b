"""The Content-Security-Policy is strict, and the browser enforces the policy."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.files import make_upload, payload, png
from tests.browser.upload_page import UploadPage
from tests.support.browser_errors import BrowserErrors
from tests.support.live_site import LiveSite

# Scripts that an attacker could inject if the page had a vulnerability.
INJECTIONS = {
    "inline script": "script.textContent = TAKE_OVER; document.body.append(script)",
    "script of a text node": "script.append(TAKE_OVER); document.body.append(script)",
    "script of another site": "script.src = 'http://127.0.0.1:9/x.js';"
    "document.body.append(script)",
    "markup": "document.body.innerHTML = `<img src=x onerror='${TAKE_OVER}'>`",
    "more markup": "document.body.insertAdjacentHTML('beforeend', '<b>taken</b>')",
    "handler": "document.body.setAttribute('onclick', TAKE_OVER);document.body.click()",
    "frame of markup": "const frame = document.createElement('iframe');"
    "frame.srcdoc = `<script>top.${TAKE_OVER}</script>`; document.body.append(frame)",
    "link that is a script": "const link = document.createElement('a');"
    "link.href = `javascript:${TAKE_OVER}`; document.body.append(link); link.click()",
    "string that is code": "setTimeout(TAKE_OVER)",
    "worker": "new Worker('/static/build/checksum-worker.js')",
    "worker from memory": "new Worker(URL.createObjectURL(new Blob([TAKE_OVER])))",
    "policy of its own": "trustedTypes.createPolicy('evil', {})",
    "policy for everything": "trustedTypes.createPolicy('default', {})",
    "base of all links": "const base = document.createElement('base');"
    "base.href = 'http://127.0.0.1:9/'; document.head.append(base)",
}
# The browser logs one or two lines for each violation, and then our listener logs one.
BROKEN = "Policy broken: "
VIOLATIONS = (BROKEN, "The action has been blocked.", "will not be executed.")
IN_A_TRY = """
() => {
  const TAKE_OVER = "document.title = 'taken over'";
  const script = document.createElement("script");
  try { %s; } catch (error) { return error.name; }
  return "";
}
"""


@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/missing"])
def test_page_has_a_strict_policy(
    context: BrowserContext, path: str, bucket_url: str
) -> None:
    answer = context.request.get(path)

    policy = _directives(answer.headers["content-security-policy"])
    assert policy["default-src"] == {"'none'"}
    assert policy["script-src"] == {"'self'"}
    assert policy["style-src"] == {"'self'"}
    assert policy["connect-src"] == {"'self'", bucket_url}
    assert policy["img-src"] == {"'self'", "data:", "blob:", bucket_url}
    assert policy["worker-src"] == policy["form-action"] == {"'self'"}
    assert policy["require-trusted-types-for"] == {"'script'"}
    assert policy["trusted-types"] == {"slipway-worker"}
    assert policy["frame-ancestors"] == policy["base-uri"] == {"'none'"}
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"


def test_browser_blocks_injected_scripts(
    upload_page: UploadPage, browser_errors: BrowserErrors
) -> None:
    page = upload_page.page
    browser_errors.expect(*VIOLATIONS)

    tried: list[str] = []

    def received() -> list[str]:
        return [words for words in browser_errors.expected if BROKEN in words]

    # A blocked script leaves the page unchanged, so all scripts run in one page.
    for way, injection in INJECTIONS.items():
        tried.append(way)
        page.evaluate(IN_A_TRY % injection)

        # If the browser did not block the script, the script would run before the
        # browser reports the violation.
        upload_page.wait_until(lambda: len(received()) >= len(tried), lambda: tried)
        assert len(received()) == len(tried), f"{way}: {received()}"
        expect(page, way).to_have_title("Your files · Slipway")
        expect(upload_page.files, way).to_be_visible()


def test_checksums_are_computed_in_a_worker_under_the_policy(
    upload_page: UploadPage,
) -> None:
    # If the policy blocked the worker, the page would hash without a worker, and all
    # other tests would pass.
    with upload_page.page.expect_worker() as worker:
        upload_page.upload(payload("hashed.bin", bytes(1000)))

    assert "/static/build/checksum-worker." in worker.value.url


def test_policy_violation_is_written_to_the_sites_log(
    signed_in: Page, browser_errors: BrowserErrors, person: User, live_site: LiveSite
) -> None:
    path = f"/uploads/{make_upload(person).pk}/"
    browser_errors.expect(*VIOLATIONS)
    signed_in.goto(f"{path}?X-Amz-Signature=of-this-test")
    signed_in.evaluate(IN_A_TRY % INJECTIONS["markup"])

    # Other tests violate the policy on other pages, so look only for this page.
    line = _wait_for_line(live_site.log, "csp.violation", path)
    assert "require-trusted-types-for" in line
    assert "of-this-test" not in line


def test_page_cannot_connect_to_another_site(
    upload_page: UploadPage, browser_errors: BrowserErrors
) -> None:
    browser_errors.expect("connect-src", "127.0.0.1:9")
    outcome = upload_page.page.evaluate(
        "fetch('http://127.0.0.1:9/').then(() => 'sent', error => error.name)"
    )

    assert outcome == "TypeError"
    words = f"{BROKEN}connect-src by http://127.0.0.1:9"
    upload_page.wait_until(
        lambda: any(words in each for each in browser_errors.expected)
    )


def test_page_works_without_policy_violations(upload_page: UploadPage) -> None:
    page = upload_page.page
    upload_page.choose(payload("red.png", png(), "image/png"))
    preview = upload_page.upload_area.get_by_role("img", name="red.png")
    expect(preview).to_have_js_property("complete", True)
    upload_page.start()
    upload_page.wait_until_uploaded(1)
    page.get_by_role("link", name="red.png", exact=True).click()
    expect(page.get_by_role("img", name="red.png")).to_be_visible()
    page.get_by_role("link", name="API").click()

    # `browser_errors` fails this test if an action violates the policy.
    expect(page.get_by_role("heading", level=1, name="API")).to_be_visible()
    page.wait_for_load_state("load")


def test_admin_has_the_same_policy_without_trusted_types(
    context: BrowserContext,
) -> None:
    pages = _directives(context.request.get("/").headers["content-security-policy"])
    answer = context.request.get("/admin/", max_redirects=0)
    admin = answer.headers["content-security-policy"]

    assert pages.pop("require-trusted-types-for")
    assert pages.pop("trusted-types")
    assert _directives(admin) == pages


def _wait_for_line(log: Path, *words: str) -> str:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        for line in log.read_text().splitlines():
            if all(word in line for word in words):
                return line
        time.sleep(0.2)
    pytest.fail(f"No line with {words!r}:\n{log.read_text()[-2000:]}")


def _directives(policy: str) -> dict[str, set[str]]:
    words = [directive.split() for directive in policy.split(";")]
    return {name: set(sources) for name, *sources in words}
