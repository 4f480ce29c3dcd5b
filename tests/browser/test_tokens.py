"""Create and revoke API tokens, with and without scripts."""

from __future__ import annotations

import re
import urllib.error
import urllib.request

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import TIMEOUT_MS
from tests.browser.test_accessibility import assert_accessible
from tests.support.live_site import LiveSite
from uploads.access.tokens import create_token, revoke

SECRET = re.compile(r"slipway_[\w-]{43}")


@pytest.fixture
def tokens_page(signed_in: Page, person: User) -> Page:
    """Open the person's page of tokens from the menu."""
    signed_in.goto("/")
    signed_in.get_by_label(f"Account of {person.username}").click()
    signed_in.get_by_role("link", name="API tokens").click()
    expect(signed_in.get_by_role("heading", name="API tokens")).to_be_visible()
    return signed_in


def answer_to(site: LiveSite, secret: str) -> int:
    request = urllib.request.Request(
        f"{site.url}/api/v1/me", headers={"Authorization": f"Bearer {secret}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def make_and_revoke(page: Page, site: LiveSite) -> None:
    """Create a token by the form, use it, and revoke it."""
    page.get_by_label("Name").fill("nightly backup")
    page.get_by_label("Access").select_option("Read and write")
    page.get_by_label("Expires").select_option("In 30 days")
    page.get_by_role("button", name="Create token").click()
    secret = page.get_by_text(SECRET).inner_text()
    assert SECRET.fullmatch(secret)
    assert answer_to(site, secret) == 200

    page.goto("/accounts/tokens/")
    expect(page.get_by_text(SECRET)).to_have_count(0)
    expect(
        page.get_by_role("listitem").filter(has_text="nightly backup")
    ).to_contain_text("Read and write")

    page.get_by_role("link", name="Revoke nightly backup").click()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("nightly backup is revoked.")).to_be_visible()
    expect(page.get_by_role("heading", name="No longer valid")).to_be_visible()
    assert answer_to(site, secret) == 401


def test_token_is_created_copied_and_revoked(
    tokens_page: Page, live_site: LiveSite
) -> None:
    make_and_revoke(tokens_page, live_site)


def test_double_click_submits_the_form_once(tokens_page: Page) -> None:
    """The answer to a second submit would hide the secret, which is shown once."""
    button = tokens_page.get_by_role("button", name="Create token")
    click = "new MouseEvent('click', {detail: 2, bubbles: true, cancelable: true})"

    assert button.evaluate(f"(button) => button.dispatchEvent({click})") is False


def test_tokens_are_created_and_revoked_without_scripts(
    browser: Browser, signed_in: Page, live_site: LiveSite
) -> None:
    context = browser.new_context(
        base_url=live_site.url,
        java_script_enabled=False,
        storage_state=signed_in.context.storage_state(),
    )
    context.set_default_timeout(TIMEOUT_MS)
    with context:
        page = context.new_page()
        page.goto("/accounts/tokens/")
        make_and_revoke(page, live_site)


def test_token_pages_are_accessible(tokens_page: Page, person: User) -> None:
    assert_accessible(tokens_page)
    for name in ("report", "a name that is as long as names may be " + "x" * 60):
        create_token(person, name=name, scope="read")
    revoke(create_token(person, name="old")[0])
    tokens_page.get_by_label("Name").fill("backup")
    tokens_page.get_by_role("button", name="Create token").click()
    expect(tokens_page.get_by_text(SECRET)).to_be_visible()
    assert_accessible(tokens_page)
    tokens_page.get_by_role("link", name="Revoke report").click()
    expect(tokens_page.get_by_role("heading", name="Revoke this token")).to_be_visible()
    assert_accessible(tokens_page)


def test_rate_limited_login_shows_a_page(page: Page, person: User) -> None:
    too_many = page.get_by_role("heading", name="Too many requests")
    for _ in range(12):  # six attempts reach the limit, unless they take minutes
        page.goto("/accounts/login/")
        page.locator("input[type=text]").fill(person.username)
        page.locator("input[type=password]").fill("wrong")
        with page.expect_navigation() as received:
            page.locator("button.button--primary").click()
        if received.value.status == 429:
            break

    expect(too_many).to_be_visible()
    assert_accessible(page)
