"""Second factors in a browser: app, recovery codes, passkeys, required factors."""

from __future__ import annotations

import re

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import TIMEOUT_MS
from tests.browser.factors import (
    add_authenticator,
    confirm,
    enter_code,
    log_in,
    log_out,
    set_up_app,
)
from tests.support.live_site import LiveSite

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def _is_logged_in(page: Page) -> None:
    expect(page.get_by_role("heading", name="Files", exact=True)).to_be_visible()


def test_login_asks_for_a_code_after_an_app_was_set_up(
    signed_in: Page, person: User
) -> None:
    page = signed_in
    page.goto("/accounts/")
    page.get_by_role("link", name="Set up an authenticator app").click()
    confirm(page)
    secret = set_up_app(page)
    spare = page.locator("#recovery-codes code").first.text_content() or ""
    with page.expect_download() as download:
        page.get_by_role("link", name="Save as a file").click()
    assert spare in download.value.path().read_text()
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_text("10 left")).to_be_visible()

    log_out(page, person)
    log_in(page, person)
    expect(page.get_by_role("heading", name="Second step of the login")).to_be_visible()
    page.goto("/")
    expect(page).to_have_url(re.compile("/accounts/2fa/authenticate/$"))
    enter_code(page, secret, "Log in")
    _is_logged_in(page)

    log_out(page, person)
    log_in(page, person)
    page.get_by_label("Code").fill(spare)
    page.get_by_role("button", name="Log in", exact=True).click()
    _is_logged_in(page)
    page.goto("/accounts/")
    expect(page.get_by_text("9 left")).to_be_visible()


def test_second_step_of_the_login_can_be_cancelled(page: Page, person: User) -> None:
    Authenticator.objects.create(user=person, type="totp", data={"secret": "x"})
    log_in(page, person)

    page.get_by_label("Code").fill("123456")
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_text("This code is wrong.")).to_be_visible()
    page.get_by_role("button", name="Cancel and log in with another account").click()

    expect(page.get_by_role("heading", name="Log in", exact=True)).to_be_visible()


def test_passkey_logs_in_without_a_password(
    signed_in_by_name: Page, person: User, by_name: str
) -> None:
    page = signed_in_by_name
    add_authenticator(page)
    page.goto(f"{by_name}/accounts/")
    page.get_by_role("link", name="Add a passkey").click()
    confirm(page)
    page.get_by_label("Name").fill("My laptop")
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_role("heading", name="My laptop")).to_be_visible()

    log_out(page, person)
    page.get_by_role("button", name="Log in with a passkey").click()
    _is_logged_in(page)

    page.goto(f"{by_name}/accounts/")
    page.get_by_role("link", name="Remove My laptop").click()
    confirm(page)
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("status")).to_contain_text("The passkey is removed.")
    assert not Authenticator.objects.filter(user=person).exists()


def test_passkey_confirms_a_login_with_a_password(
    signed_in_by_name: Page, person: User, by_name: str
) -> None:
    page = signed_in_by_name
    add_authenticator(page)
    page.goto(f"{by_name}/accounts/2fa/webauthn/add/")
    confirm(page)
    page.get_by_label("Log in with this passkey alone").uncheck()
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()

    page.get_by_role("link", name="Done").click()
    log_out(page, person)
    log_in(page, person, by_name)
    page.get_by_role("button", name="Use your passkey").click()
    _is_logged_in(page)

    page.goto(f"{by_name}/accounts/2fa/recovery-codes/")
    page.get_by_role("link", name="Use a passkey").click()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()


def test_passkey_that_is_not_confirmed_shows_an_error(
    signed_in_by_name: Page, person: User, by_name: str
) -> None:
    page = signed_in_by_name
    add_authenticator(page, verifies=False)
    page.goto(f"{by_name}/accounts/2fa/webauthn/add/")
    confirm(page)

    page.get_by_role("button", name="Add passkey").click()

    expect(page.get_by_role("alert")).to_contain_text("No passkey was confirmed.")
    expect(page.get_by_role("button", name="Add passkey")).to_be_enabled()
    assert not Authenticator.objects.filter(user=person).exists()


def test_ip_address_as_host_offers_no_passkeys(signed_in: Page, person: User) -> None:
    page = signed_in
    page.goto("/accounts/2fa/webauthn/add/")
    confirm(page)

    expect(page.get_by_role("alert")).to_contain_text(
        "Passkeys do not work if the address of the site is an IP address"
    )
    expect(page.get_by_role("button", name="Add passkey")).to_be_hidden()
    page.context.clear_cookies()
    page.goto("/accounts/login/")
    expect(page.get_by_role("button", name="Log in", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Log in with a passkey")).to_be_hidden()


def test_staff_must_set_up_a_factor_before_the_admin_opens(
    page: Page, person: User, other_site: LiveSite
) -> None:
    person.is_staff = person.is_superuser = True
    person.save()
    page.goto(f"{other_site.url}/admin/")
    page.get_by_label("Username").fill(person.username)
    page.get_by_label("Password", exact=True).fill("demo")
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_text("Your account needs a second factor.")).to_be_visible()
    page.goto(f"{other_site.url}/admin/auth/user/")
    expect(page).to_have_url(f"{other_site.url}/accounts/2fa/")

    page.get_by_role("link", name="Authenticator app").click()
    confirm(page)
    set_up_app(page)

    page.goto(f"{other_site.url}/admin/")
    expect(page.get_by_role("heading", name="administration")).to_be_visible()


def test_account_page_logs_out_another_browser(
    page: Page, person: User, browser: Browser, live_site: LiveSite
) -> None:
    context = browser.new_context(base_url=live_site.url, user_agent=FIREFOX)
    context.set_default_timeout(TIMEOUT_MS)
    elsewhere = context.new_page()
    log_in(page, person)
    button = page.get_by_role("button", name="Log out Firefox on Linux")

    for others in ("Log out Firefox on Linux", "Log out all others"):
        log_in(elsewhere, person)
        _is_logged_in(elsewhere)
        page.goto("/accounts/")
        expect(button, others).to_be_visible()

        page.get_by_role("button", name=others).click()

        received = page.get_by_role("status")
        expect(received, others).to_contain_text("That browser is logged out.")
        expect(button, others).to_be_hidden()
        elsewhere.goto("/")
        expect(elsewhere, others).to_have_url(re.compile("/accounts/login/"))
    context.close()
