"""Logging in and out, passwords, sign-up, and other people's files."""

from __future__ import annotations

import re
import uuid

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.browser.files import make_upload
from tests.browser.upload_page import UploadPage
from tests.support.live_site import LiveSite

NEW_PASSWORD = "staple harbour crane"


def _log_in(page: Page, username: str, password: str) -> None:
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Log in", exact=True).click()


def test_login_leads_to_the_page_that_was_requested(page: Page, person: User) -> None:
    upload = make_upload(person)
    page.goto(f"/uploads/{upload.pk}/")
    expect(page).to_have_url(re.compile(r"/accounts/login/\?next="))

    _log_in(page, person.username, "wrong")
    expect(page.get_by_role("alert")).to_contain_text("password is wrong")
    _log_in(page, person.username, "demo")

    expect(page.get_by_role("heading", name="survey.pdf")).to_be_visible()


def test_page_without_login_redirects_to_the_login(page: Page) -> None:
    for path in ("/", "/accounts/password_change/", "/api/v1/docs"):
        page.goto(path)

        expect(page).to_have_url(re.compile(rf"/accounts/login/\?next={path}$"))
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_logout_ends_the_session(signed_in: Page, person: User) -> None:
    signed_in.goto("/")

    signed_in.get_by_label(f"Account of {person.username}").click()
    signed_in.get_by_role("button", name="Log out").click()
    expect(signed_in).to_have_url(re.compile("/accounts/login/$"))
    signed_in.goto("/")

    expect(signed_in.get_by_role("heading", name="Log in")).to_be_visible()


def test_logout_removes_file_names_from_other_tabs(
    signed_in: Page, person: User
) -> None:
    make_upload(person)
    signed_in.goto("/")
    other = signed_in.context.new_page()
    other.goto("/")
    expect(other.get_by_text("survey.pdf")).to_be_visible()

    signed_in.get_by_label(f"Account of {person.username}").click()
    signed_in.get_by_role("button", name="Log out").click()

    dialog = other.get_by_role("dialog", name="You are logged out")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("link", name="Log in")).to_be_visible()
    expect(other.get_by_text("survey.pdf")).to_be_hidden()

    _log_in(signed_in, person.username, "demo")
    expect(signed_in.get_by_text("survey.pdf")).to_be_visible()
    dialog.get_by_role("button", name="I am logged in").click()
    expect(other.get_by_text("survey.pdf")).to_be_visible()


def test_password_change_keeps_this_browser_logged_in(
    signed_in: Page, person: User
) -> None:
    signed_in.goto("/")
    signed_in.get_by_label(f"Account of {person.username}").click()
    signed_in.get_by_role("link", name="Account").click()
    signed_in.get_by_role("link", name="Change password").click()

    signed_in.get_by_label("Current password").fill("demo")
    signed_in.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    signed_in.get_by_label("Repeat the new password").fill(NEW_PASSWORD)
    expect(signed_in.get_by_label("Also revoke my API tokens")).to_be_checked()
    signed_in.get_by_role("button", name="Change password").click()

    expect(signed_in.get_by_role("status")).to_contain_text("Password changed.")
    signed_in.get_by_role("link", name="Your files").click()
    expect(signed_in.get_by_role("heading", name="Files", exact=True)).to_be_visible()
    person.refresh_from_db()
    assert person.check_password(NEW_PASSWORD)


@pytest.mark.shows_secrets(
    reason="the mail is printed, and gunicorn's access log has its link: docs/security.md"
)
def test_forgotten_password_is_reset_by_mail(
    page: Page, person: User, live_site: LiveSite
) -> None:
    person.email = f"{person.username}@example.com"
    person.save()
    page.goto("/accounts/login/")
    page.get_by_role("link", name="Forgotten your password?").click()
    page.get_by_label("Email").fill(person.email)
    page.get_by_role("button", name="Send link").click()
    expect(page.get_by_role("heading", name="Check your email")).to_be_visible()

    [mail] = live_site.log.read_text().split(f"To: {person.email}")[1:]
    link = re.search(r"http://\S+/accounts/reset/\S+", mail)
    assert link is not None
    assert link[0].startswith(live_site.url)
    page.goto(link[0])
    page.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    page.get_by_label("Repeat the new password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Save password").click()
    page.get_by_role("link", name="Log in").click()
    _log_in(page, person.username, NEW_PASSWORD)
    expect(page.get_by_role("heading", name="Files", exact=True)).to_be_visible()

    page.goto(link[0])
    expect(page.get_by_role("heading", name="no longer valid")).to_be_visible()


def test_sign_up_is_closed_by_default(page: Page) -> None:
    answer = page.goto("/accounts/signup/")

    assert answer is not None
    assert answer.status == 404
    page.goto("/accounts/login/")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    expect(page.get_by_role("link", name="Create an account")).to_have_count(0)


def test_new_person_signs_up_when_sign_up_is_open(
    page: Page, other_site: LiveSite
) -> None:
    name = f"newcomer-{uuid.uuid4().hex[:12]}"
    page.goto(f"{other_site.url}/accounts/login/")
    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("Username").fill(name)
    page.get_by_label("Email address").fill(f"{name}@example.com")
    page.get_by_label("Password", exact=True).fill(NEW_PASSWORD)
    page.get_by_label("Repeat the password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Create account").click()

    expect(page.get_by_text("Your files will be here")).to_be_visible()
    newcomer = User.objects.get(username=name)
    assert newcomer.check_password(NEW_PASSWORD)
    assert not newcomer.is_staff


def test_file_of_another_person_is_not_found(signed_in: Page, person: User) -> None:
    theirs = make_upload(User.objects.create_user(f"other-{person.pk}"))

    answer = signed_in.goto(f"/uploads/{theirs.pk}/")

    assert answer is not None
    assert answer.status == 404
    expect(
        signed_in.get_by_role("heading", name="This page is not here")
    ).to_be_visible()
    assert "survey.pdf" not in signed_in.content()
    path = f"/api/v1/uploads/{theirs.pk}"
    assert signed_in.request.get(path).status == 404
    assert signed_in.request.get(f"{path}/download").status == 404
    signed_in.goto("/")
    expect(signed_in.get_by_text("Your files will be here")).to_be_visible()


def test_logout_without_scripts_clears_the_browsers_storage(
    upload_page: UploadPage,
) -> None:
    page = upload_page.page
    names = "indexedDB.databases().then((found) => found.map(({ name }) => name))"
    page.evaluate("new Promise((done) => (indexedDB.open('left').onsuccess = done))")
    assert "left" in page.evaluate(names)

    # `form.submit()` of a script sends no submit event, so the page's script does not
    # run.
    page.evaluate("document.querySelector('form[data-forgets]').submit()")

    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert page.evaluate(names) == []
