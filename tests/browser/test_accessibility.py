"""The checker axe finds nothing serious, and no page scrolls sideways on a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.browser.factors import (
    add_authenticator,
    confirm,
    log_in,
    log_out,
    set_up_app,
)
from tests.browser.files import MIB, make_upload, payload, png, random_file
from tests.browser.upload_page import UploadPage
from uploads.states import State

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RUN = """
(options) => axe.run(document, options).then(({ violations, passes }) => ({
  passes: passes.length,
  violations: violations.flatMap(({ id, impact, nodes }) =>
    ["serious", "critical"].includes(impact)
      ? nodes.map(({ target, failureSummary }) => `${id} ${target}: ${failureSummary}`)
      : []),
}))
"""
# After a change of the colour scheme, inherited colours change one frame later.
SETTLE = """
async () => {
  for (let calm = 0; calm < 3; calm += 1) {
    await new Promise(requestAnimationFrame);
    const running = document.getAnimations();
    if (running.length > 0) calm = -1;
    await Promise.allSettled(running.map(({ finished }) => finished));
  }
}
"""
WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


def assert_accessible(page: Page, *, source: str = AXE.read_text()) -> None:
    """Fail if the current page is not accessible or too wide for a phone."""
    page.wait_for_load_state(
        "load"
    )  # the text appears before its stylesheet has loaded
    if not page.evaluate("'axe' in window"):
        page.evaluate(source)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.evaluate(SETTLE)
    light = page.evaluate(RUN, {"resultTypes": ["violations"]})
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    contrast: dict[str, Any] = {"runOnly": ["color-contrast"]}
    page.evaluate(SETTLE)
    dark = page.evaluate(RUN, contrast)
    assert light["passes"] > 5, page.url
    assert dark["passes"] == 1, page.url
    assert (light["violations"], dark["violations"]) == ([], []), page.url
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    width = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    assert width <= PHONE["width"], page.url


def test_pages_without_login_are_accessible(page: Page) -> None:
    for path, heading in (
        ("/accounts/login/", "Log in"),
        ("/accounts/password_reset/", "Reset your password"),
        ("/accounts/password_reset/done/", "Check your email"),
        ("/accounts/reset/x/x/", "no longer valid"),
        ("/accounts/inactive/", "disabled"),
    ):
        page.goto(path)
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        assert_accessible(page)


def test_pages_of_the_account_are_accessible(signed_in: Page) -> None:
    for path, heading in (
        ("/accounts/", "Your account"),
        ("/accounts/2fa/", "Protect your account"),
        ("/accounts/2fa/totp/activate/", "Confirm that it is you"),
        ("/accounts/password_change/", "Change password"),
        ("/missing", "This page is not here"),
        ("/api/v1/docs", "API"),
    ):
        signed_in.goto(path)
        expect(signed_in.get_by_role("heading", name=heading).first).to_be_visible()
        assert_accessible(signed_in)


def test_pages_of_second_factors_are_accessible(
    signed_in_by_name: Page, person: User, by_name: str
) -> None:
    page = signed_in_by_name
    add_authenticator(page)
    page.goto(f"{by_name}/accounts/2fa/totp/activate/")
    confirm(page)
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    page.get_by_text("Cannot scan the code?").click()
    assert_accessible(page)

    set_up_app(page)
    assert_accessible(page)

    page.goto(f"{by_name}/accounts/2fa/webauthn/add/")
    expect(page.get_by_role("button", name="Add passkey")).to_be_visible()
    assert_accessible(page)

    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_role("link", name="Rename")).to_be_visible()
    assert_accessible(page)

    for link, heading in (
        ("Rename Chrome on Linux", "Rename passkey"),
        ("Remove Chrome on Linux", "Remove this passkey?"),
        ("Remove the authenticator app", "Remove the authenticator app?"),
        ("Create new recovery codes", "Create new recovery codes?"),
    ):
        page.get_by_role("link", name=link).click()
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        assert_accessible(page)
        page.get_by_role("link", name="Back to your account").click()

    log_out(page, person)
    log_in(page, person, by_name)
    expect(page.get_by_role("heading", name="Second step of the login")).to_be_visible()
    assert_accessible(page)


def test_upload_page_is_accessible_before_an_upload(upload_page: UploadPage) -> None:
    expect(upload_page.page.get_by_text("Your files will be here")).to_be_visible()
    assert_accessible(upload_page.page)

    upload_page.choose(payload("red.png", png(), "image/png"), payload("a.txt", b"a"))
    expect(upload_page.start_button).to_be_visible()
    assert_accessible(upload_page.page)


def test_upload_page_is_accessible_during_and_after_an_upload(
    upload_page: UploadPage, person: User, tmp_path: Path
) -> None:
    page = upload_page.page
    make_upload(
        person,
        filename="refused.png",
        state=State.REJECTED,
        rejected_reason="Its content is something else.",
    )
    upload_page.open()
    upload_page.hold_parts(2)
    upload_page.choose(random_file(tmp_path, f"{'long ' * 30}film.bin", 17 * MIB))
    upload_page.start()
    expect(upload_page.heading("Uploading 1 file")).to_be_visible()
    expect(upload_page.progress).to_be_visible()
    assert_accessible(page)

    page.get_by_role("button", name="Pause").click()
    expect(upload_page.heading("Paused")).to_be_visible()
    upload_page.stop_holding()
    page.get_by_role("button", name="Continue").click()
    upload_page.wait_until_uploaded(1)
    assert_accessible(page)

    page.get_by_role("button", name="Actions for refused.png").click()
    page.get_by_role("menuitem", name="Remove").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert_accessible(page)


def test_file_page_is_accessible(upload_page: UploadPage) -> None:
    upload_page.upload(payload(f"{'long' * 40}.png", png(), "image/png"))
    upload_page.act(f"{'long' * 40}.png", "Details")
    expect(upload_page.page.get_by_role("heading", name="Facts")).to_be_visible()

    assert_accessible(upload_page.page)
