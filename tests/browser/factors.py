"""Log in with a password, an authenticator app or a passkey."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import CDPSession, Page, expect

from tests.support.totp import code


def add_authenticator(page: Page, *, verifies: bool = True) -> CDPSession:
    """Give the browser a virtual device with passkeys that confirms every request.

    If ``verifies`` is false, the device reports that it could not verify the person,
    for example by a fingerprint.
    """
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": verifies,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return devtools


def log_in(page: Page, person: User, url: str = "") -> None:
    """Enter name and password. The site may then ask for a second factor."""
    page.goto(f"{url}/accounts/login/")
    page.get_by_label("Username").fill(person.username)
    page.get_by_label("Password", exact=True).fill("demo")
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("heading", name="Log in", exact=True)).to_be_hidden()


def log_out(page: Page, person: User) -> None:
    page.get_by_label(f"Account of {person.username}").click()
    page.get_by_role("button", name="Log out", exact=True).click()
    expect(page.get_by_role("heading", name="Log in", exact=True)).to_be_visible()


def confirm(page: Page) -> None:
    """Enter the password again if the page asks for it before a sensitive action."""
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    page.get_by_label("Password").fill("demo")
    page.get_by_role("button", name="Continue").click()


def set_up_app(page: Page) -> str:
    """Activate the app on the page with the QR code, and return its key."""
    secret = page.locator("#authenticator_secret").text_content() or ""
    enter_code(page, secret, "Turn on")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    return secret


def enter_code(page: Page, secret: str, button: str) -> None:
    """Enter the app's code. If the code expires meanwhile, enter the next code."""
    for _ in range(3):
        page.get_by_label("Code").fill(code(secret))
        with page.expect_navigation():
            page.get_by_role("button", name=button, exact=True).click()
        if page.get_by_text("This code is wrong.").count() == 0:
            return
    pytest.fail("No code of the app was accepted.")
