"""An open tab sends nothing after another person has logged in in this browser."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import User
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.factors import log_in, log_out
from tests.browser.files import payload, uploads_of
from tests.browser.upload_page import UploadPage
from uploads.access.tokens import create_token
from uploads.states import State

KEPT = """async () => {
  const database = await new Promise((resolve, reject) => {
    const request = indexedDB.open("slipway");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  try {
    const store = database.transaction(["sources"]).objectStore("sources");
    return await new Promise((resolve) => {
      const request = store.getAll();
      request.onsuccess = () => resolve(request.result.map(({ filename }) => filename));
    });
  } finally {
    database.close();
  }
}"""


def test_open_tab_sends_nothing_after_another_person_logged_in(
    upload_page: UploadPage, person: User, base_url: str
) -> None:
    bob = User.objects.create_user(f"bob-{uuid.uuid4().hex[:8]}", password="demo")
    left_open, page = upload_page, upload_page.page
    left_open.choose(payload("secret.txt", b"of one person only", "text/plain"))
    other = page.context.new_page()
    other.goto("/")
    log_out(other, person)
    log_in(other, bob, base_url)

    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    header = page.get_by_role("banner", include_hidden=True)
    expect(header).not_to_contain_text(person.username, use_inner_text=True)
    expect(header).not_to_contain_text("used", use_inner_text=True)
    # The dialog covers the button. But the person may have clicked just before the
    # dialog was opened.
    hidden = page.get_by_role("button", name="Upload 1 file", include_hidden=True)
    hidden.dispatch_event("click")
    dialog.get_by_role("button", name="I am logged in", exact=True).click()
    expect(dialog).to_contain_text(f"You are now logged in as {bob.username}")
    assert uploads_of(bob) == {}
    assert uploads_of(person) == {}
    assert other.evaluate(KEPT) == []

    log_out(other, bob)
    log_in(other, person, base_url)
    dialog.get_by_role("button", name="I am logged in", exact=True).click()
    expect(header).to_contain_text(person.username, use_inner_text=True)
    left_open.wait_until_uploaded(1)
    assert uploads_of(person)["secret.txt"].state == State.READY
    assert uploads_of(bob) == {}


def test_quota_is_current_after_the_person_has_logged_in_again(
    upload_page: UploadPage, person: User, base_url: str
) -> None:
    page = upload_page.page
    expect(upload_page.quota).to_contain_text("0 bytes of")
    other = page.context.new_page()
    other.goto("/")
    log_out(other, person)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    log_in(other, person, base_url)
    in_other_tab = UploadPage(other, base_url)
    in_other_tab.wait_for_list()
    in_other_tab.upload(payload("notes.txt", b"twelve bytes"))

    dialog.get_by_role("button", name="I am logged in", exact=True).click()

    expect(upload_page.quota).to_contain_text("12 bytes of")


def test_logout_in_the_admin_clears_open_pages(
    context: BrowserContext, page: Page, base_url: str
) -> None:
    name = f"operator-{uuid.uuid4().hex[:8]}"
    operator = User.objects.create_superuser(name, password="demo")
    log_in(page, operator, base_url)
    others = [page, context.new_page()]
    for other, path in zip(others, ("/accounts/", "/admin/auth/user/"), strict=True):
        other.goto(path)
        expect(other.locator("body")).to_contain_text(name, use_inner_text=True)
        expect(other.get_by_text("You logged out in another tab")).to_be_hidden()
    # The pages with recovery codes use the same layout as this page.
    token_page = context.new_page()
    token, _ = create_token(operator, name="nightly backup")
    token_page.goto(f"/accounts/tokens/{token.pk}/revoke/")
    expect(token_page.get_by_text("nightly backup")).to_be_visible()
    admin_page = context.new_page()
    admin_page.goto("/admin/")
    admin_page.get_by_role("button", name="Log out").click()
    expect(admin_page.get_by_role("heading", name="Log in", exact=True)).to_be_visible()

    for other in others:
        expect(other.get_by_text("You logged out in another tab")).to_be_visible()
        expect(other.locator("body")).not_to_contain_text(name, use_inner_text=True)
        expect(other).to_have_title("Slipway")
    expect(token_page.get_by_text("You logged out in another tab")).to_be_visible()
    expect(token_page.get_by_text("nightly backup")).to_be_hidden()
    page.get_by_role("link", name="Log in again").click()
    expect(page.get_by_role("heading", name="Log in", exact=True)).to_be_visible()
