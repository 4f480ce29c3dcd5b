"""Accounts: login, logout, passwords, sign-up, and the admin's door."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.contrib.auth import SESSION_KEY
from django.core import mail
from django.core.cache import cache, caches
from django.core.cache.backends.db import DatabaseCache
from django.template.loader import get_template
from django.test import Client
from django.urls import URLResolver
from django.utils import timezone
from django.utils.http import urlencode

from uploads.access.tokens import create_token, use_token
from uploads.accounts import urls

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

TEMPLATES = Path(__file__).resolve().parents[3] / "templates"
PASSWORD = "correct horse battery"
NEW_PASSWORD = "staple harbour crane"
FORM = "application/x-www-form-urlencoded"
NEWCOMER = {
    "username": "newcomer",
    "email": "newcomer@example.com",
    "password1": PASSWORD,
    "password2": PASSWORD,
}


@pytest.fixture
def alice(django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("alice", "alice@example.com", PASSWORD)


def log_in(client: Client, password: str, **more: str) -> Any:
    return client.post(
        "/accounts/login/", {"username": "alice", "password": password, **more}
    )


def test_a_login_leads_to_the_page_that_was_asked_for(
    client: Client, alice: Any
) -> None:
    response = log_in(client, PASSWORD, next="/api/v1/docs")

    assert response["Location"] == "/api/v1/docs"
    assert client.session[SESSION_KEY] == str(alice.pk)


def test_a_login_never_leads_to_another_site(client: Client, alice: Any) -> None:
    response = log_in(client, PASSWORD, next="https://evil.example/")

    assert response["Location"] == "/"


def test_a_wrong_password_is_told_beside_the_form(client: Client, alice: Any) -> None:
    response = log_in(client, "wrong")

    assert response.status_code == 200
    assert "The username or the password is wrong." in response.content.decode()
    assert SESSION_KEY not in client.session


def test_an_account_that_is_off_reads_like_a_wrong_password(
    client: Client, alice: Any
) -> None:
    alice.is_active = False
    alice.save()

    response = log_in(client, PASSWORD)

    assert "The username or the password is wrong." in response.content.decode()


def test_who_is_logged_in_sees_no_login_form(client: Client, alice: Any) -> None:
    client.force_login(alice)

    assert client.get("/accounts/login/")["Location"] == "/"


def test_logging_out_is_a_post(client: Client, alice: Any) -> None:
    client.force_login(alice)

    assert client.get("/accounts/logout/").status_code == 405
    assert client.post("/accounts/logout/")["Location"] == "/accounts/login/"
    assert SESSION_KEY not in client.session


def test_errors_are_tied_to_their_fields(client: Client, settings: Settings) -> None:
    settings.SIGNUP_OPEN = True

    text = client.post(
        "/accounts/signup/", {**NEWCOMER, "password2": "other"}
    ).content.decode()

    field = re.search(r'<input type="password" name="password2"[^>]*>', text)
    assert field is not None
    assert 'aria-invalid="true"' in field[0]
    assert "id_password2_error" in field[0]
    assert 'id="id_password2_error"' in text


def change_password(client: Client, **more: str) -> Any:
    return client.post(
        "/accounts/password_change/",
        {
            "oldpassword": PASSWORD,
            "password1": NEW_PASSWORD,
            "password2": NEW_PASSWORD,
            **more,
        },
        follow=True,
    )


def test_changing_the_password_keeps_this_login_and_ends_all_others(
    client: Client, alice: Any
) -> None:
    other = Client()
    for browser in (client, other):
        log_in(browser, PASSWORD)

    response = change_password(client)

    assert response.request["PATH_INFO"] == "/accounts/"
    assert "Password changed. Other browsers are logged out." in (
        response.content.decode()
    )
    alice.refresh_from_db()
    assert alice.check_password(NEW_PASSWORD)
    assert client.get("/").status_code == 200
    assert other.get("/").status_code == 302
    assert UserSession.objects.get().session_key == client.session.session_key


def test_a_wrong_password_changes_none(client: Client, alice: Any) -> None:
    client.force_login(alice)

    response = change_password(client, oldpassword="wrong")

    assert "This is not your current password." in response.content.decode()
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


@pytest.mark.parametrize(("ticked", "alive"), [(True, False), (False, True)])
def test_a_new_password_revokes_the_tokens_unless_told_not_to(
    client: Client, alice: Any, ticked: bool, alive: bool
) -> None:
    client.force_login(alice)
    _, secret = create_token(alice, name="script")
    offer = client.get("/accounts/password_change/").content.decode()

    change_password(client, **({"revoke_tokens": "on"} if ticked else {}))

    assert re.search(r'<input type="checkbox" name="revoke_tokens"[^>]* checked', offer)
    assert (use_token(secret) is not None) is alive


def test_guesses_at_the_current_password_are_limited(
    client: Client, alice: Any
) -> None:
    client.force_login(alice)

    with time_machine.travel(timezone.now(), tick=False):
        answers = [change_password(client, oldpassword="wrong") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert "Too many requests" in answers[-1].content.decode()


def test_a_forgotten_password_is_replaced_by_mail(client: Client, alice: Any) -> None:
    _, secret = create_token(alice, name="script")
    elsewhere = Client()
    elsewhere.force_login(alice)
    client.post("/accounts/password_reset/", {"email": "alice@example.com"})

    assert len(mail.outbox) == 1
    link = re.search(
        r"http://testserver(/accounts/reset/\S+)", str(mail.outbox[0].body)
    )
    assert link is not None
    form = client.get(link[1], follow=True)
    assert "Choose a new password" in form.content.decode()

    done = client.post(
        form.redirect_chain[-1][0],
        {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
        follow=True,
    )

    assert "Password saved" in done.content.decode()
    alice.refresh_from_db()
    assert alice.check_password(NEW_PASSWORD)
    assert use_token(secret) is None
    assert elsewhere.get("/").status_code == 302
    assert client.get("/").status_code == 302


def test_a_reset_link_works_once(client: Client, alice: Any) -> None:
    client.post("/accounts/password_reset/", {"email": "alice@example.com"})
    link = re.search(r"(/accounts/reset/\S+)", str(mail.outbox[0].body))
    assert link is not None
    alice.set_password(NEW_PASSWORD)
    alice.save()

    response = client.get(link[1])

    assert "This link is no longer valid" in response.content.decode()


def test_a_reset_does_not_tell_who_has_an_account(client: Client, alice: Any) -> None:
    known = client.post("/accounts/password_reset/", {"email": "alice@example.com"})
    unknown = client.post("/accounts/password_reset/", {"email": "no@example.com"})

    assert known["Location"] == unknown["Location"] == "/accounts/password_reset/done/"
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("method", ["get", "post"])
def test_sign_up_is_closed_by_default(client: Client, method: str) -> None:
    response = getattr(client, method)("/accounts/signup/", NEWCOMER)

    assert response.status_code == 404
    assert "Create an account" not in client.get("/accounts/login/").content.decode()


def test_an_open_site_lets_newcomers_in(
    client: Client, settings: Settings, django_user_model: Any
) -> None:
    settings.SIGNUP_OPEN = True

    invitation = client.get("/accounts/login/").content.decode()
    response = client.post("/accounts/signup/", NEWCOMER)

    assert "/accounts/signup/" in invitation
    assert response["Location"] == "/"
    newcomer = django_user_model.objects.get(username="newcomer")
    assert newcomer.email == "newcomer@example.com"
    assert client.session[SESSION_KEY] == str(newcomer.pk)
    assert not newcomer.is_staff
    assert (
        "15 or more are better"
        in client.get("/accounts/password_change/").content.decode()
    )


def test_a_name_that_differs_by_capitals_only_is_taken(
    client: Client, alice: Any, settings: Settings, django_user_model: Any
) -> None:
    settings.SIGNUP_OPEN = True

    response = client.post("/accounts/signup/", {**NEWCOMER, "username": "Alice"})

    assert "already exists" in response.content.decode()
    assert django_user_model.objects.count() == 1


def test_a_taken_address_is_not_told(
    client: Client, alice: Any, settings: Settings, django_user_model: Any
) -> None:
    settings.SIGNUP_OPEN = True

    response = client.post("/accounts/signup/", {**NEWCOMER, "email": alice.email})

    assert response["Location"] == "/"
    assert django_user_model.objects.filter(email=alice.email).count() == 2


def test_a_weak_password_is_refused(
    client: Client, settings: Settings, django_user_model: Any
) -> None:
    settings.SIGNUP_OPEN = True

    response = client.post(
        "/accounts/signup/", {**NEWCOMER, "password1": "12", "password2": "12"}
    )

    assert "This password is too short" in response.content.decode()
    assert not django_user_model.objects.exists()


def test_a_form_without_its_token_is_refused_with_a_page(alice: Any) -> None:
    response = Client(enforce_csrf_checks=True).post(
        "/accounts/login/", {"username": "alice", "password": PASSWORD}
    )

    assert response.status_code == 403
    assert "This form has expired" in response.content.decode()


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/admin/login/", "/admin/"),
        ("/admin/login/?next=/admin/auth/user/", "/admin/auth/user/"),
        ("/admin/login/?next=https://evil.example/", "/admin/"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_admin_has_no_login_of_its_own(
    client: Client, django_user_model: Any, method: str, path: str, target: str
) -> None:
    django_user_model.objects.create_superuser("root", password=PASSWORD)

    response = client.generic(method, path, f"username=root&password={PASSWORD}", FORM)

    assert response["Location"] == f"/accounts/login/?{urlencode({'next': target})}"
    assert SESSION_KEY not in client.session


def test_the_admin_changes_nobody_into_somebody_else(
    client: Client, django_user_model: Any
) -> None:
    django_user_model.objects.create_superuser("root", password=PASSWORD)
    clerk = django_user_model.objects.create_user("clerk", is_staff=True)
    client.force_login(clerk)

    client.post("/admin/login/", {"username": "root", "password": PASSWORD})

    assert client.session[SESSION_KEY] == str(clerk.pk)


def test_people_without_rank_are_told_so_at_the_admins_door(
    client: Client, alice: Any
) -> None:
    client.force_login(alice)

    response = client.get("/admin/", follow=True)

    assert response.status_code == 403
    assert "You may not open this page" in response.content.decode()


def test_the_admins_logout_and_password_page_are_the_sites(
    client: Client, django_user_model: Any
) -> None:
    client.force_login(django_user_model.objects.create_superuser("root"))

    change = client.get("/admin/password_change/")
    logout = client.post("/admin/logout/")

    assert change["Location"] == "/accounts/password_change/"
    assert logout["Location"] == "/accounts/login/"
    assert SESSION_KEY not in client.session


def test_account_pages_are_kept_by_no_cache(client: Client, alice: Any) -> None:
    client.force_login(alice)

    for path in ("/accounts/", "/accounts/password_change/", "/accounts/2fa/"):
        assert "no-store" in client.get(path)["Cache-Control"], path


def test_limits_are_counted_where_all_processes_see_them() -> None:
    assert isinstance(caches["default"], DatabaseCache)

    cache.set("count", 3)

    assert cache.get("count") == 3


def ask_for_a_link(client: Client, email: str, address: str = "127.0.0.1") -> Any:
    return client.post(
        "/accounts/password_reset/", {"email": email}, REMOTE_ADDR=address
    )


def test_a_mailbox_gets_five_links_a_day_and_everybody_the_same_answer(
    client: Client, alice: Any
) -> None:
    # A stranger who floods a mailbox must not learn that it has an account, and its
    # owner must not be told to wait.
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for number in range(20):
            answer = ask_for_a_link(client, alice.email.upper(), f"203.0.113.{number}")
            unknown = ask_for_a_link(client, "no@example.com", f"203.0.113.{number}")
            assert answer.status_code == unknown.status_code == 302
            assert answer["Location"] == unknown["Location"]
        owners = ask_for_a_link(Client(), alice.email, "198.51.100.7")

        assert owners["Location"] == "/accounts/password_reset/done/"
        assert len(mail.outbox) == 5
        clock.shift(timedelta(days=1))
        ask_for_a_link(Client(), alice.email, "198.51.100.7")
        assert len(mail.outbox) == 6


def test_an_address_that_asks_for_many_links_is_told_to_wait(
    client: Client, alice: Any, settings: Settings
) -> None:
    settings.UPLOADS = settings.UPLOADS | {"RATE_RESET_PER_ADDRESS": "3/hour"}

    answers = [ask_for_a_link(client, f"{n}@example.com") for n in range(4)]
    elsewhere = ask_for_a_link(Client(), alice.email, "203.0.113.7")

    assert [answer.status_code for answer in answers] == [302, 302, 302, 429]
    assert answers[-1]["Retry-After"].isdigit()
    assert elsewhere.status_code == 302
    assert len(mail.outbox) == 1


def test_accounts_made_with_somebody_elses_mailbox_flood_nobody(
    client: Client, alice: Any, django_user_model: Any
) -> None:
    for number in range(20):
        django_user_model.objects.create_user(f"other{number}", alice.email, PASSWORD)

    ask_for_a_link(client, alice.email)

    assert len(mail.outbox) == 5
    assert any("account alice at" in str(letter.body) for letter in mail.outbox)


HOSTS = {
    "testserver": "http://testserver",
    "testserver:80": "http://testserver:80",
    "testserver:8443": "http://testserver",
    "TESTSERVER:1": "http://testserver",
    "testserver.:99": "http://testserver",
}


@pytest.mark.parametrize("host", HOSTS)
def test_a_link_in_a_mail_has_no_port_that_only_the_request_names(
    client: Client, alice: Any, host: str
) -> None:
    client.post(
        "/accounts/password_reset/", {"email": alice.email}, headers={"Host": host}
    )

    body = str(mail.outbox[0].body)
    assert re.findall(r"\w+://[^/]+(?=/accounts/reset/)", body) == [HOSTS[host]]
    place = HOSTS[host].removeprefix("http://")
    assert f"alice at {place}." in body
    assert mail.outbox[0].subject == f"Reset your password at {place}"


@pytest.mark.parametrize("host", ["testserver", "testserver:8443", "other.example"])
def test_links_in_mails_begin_with_the_sites_own_address(
    client: Client, alice: Any, settings: Settings, host: str
) -> None:
    settings.SITE_URL = "https://files.example.com:8443"
    settings.ALLOWED_HOSTS = ["testserver", "other.example", "files.example.com"]

    client.post(
        "/accounts/password_reset/", {"email": alice.email}, headers={"Host": host}
    )

    [letter] = mail.outbox
    assert "https://files.example.com:8443/accounts/reset/" in str(letter.body)
    assert letter.subject == "Reset your password at files.example.com:8443"
    assert host not in str(letter.body).replace("files.example.com", "")


def test_no_mail_of_ours_asks_the_request_for_an_address() -> None:
    # The Host header belongs to whoever asks for the mail, not to its reader.
    letters = list(TEMPLATES.glob("**/email/**/*.*"))
    assert letters
    for path in letters:
        text = path.read_text()
        assert "request." not in text, path
        assert "build_absolute_uri" not in text, path
    sources = [
        path
        for path in (TEMPLATES.parent / "uploads").rglob("*.py")
        if re.search(r"build_absolute_uri|get_host\(\)", path.read_text())
    ]
    # Pages that show the asking person their own address, and the rule for mails.
    assert {path.name for path in sources} == {
        *("plain.py", "doctor.py", "links.py", "storage_faults.py")
    }


def test_a_password_that_nobody_has_chosen_yet_is_chosen(
    client: Client, django_user_model: Any
) -> None:
    carol = django_user_model.objects.create_user("carol")
    client.force_login(carol)

    offer = client.get("/accounts/password_change/", follow=True)
    client.post(
        "/accounts/password_set/", {"password1": PASSWORD, "password2": PASSWORD}
    )

    assert "Choose a password" in offer.content.decode()
    carol.refresh_from_db()
    assert carol.check_password(PASSWORD)
    assert client.get("/").status_code == 200


def _templates(patterns: list[Any]) -> set[str]:
    """Return the templates of all views behind ``patterns``."""
    names: set[str] = set()
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            names |= _templates(pattern.url_patterns)
            continue
        view = getattr(pattern.callback, "view_class", None)
        name = getattr(view, "template_name", None)
        names |= {name} if name else set()
    return names


def test_every_account_page_is_the_houses_own() -> None:
    # These two addresses are answered by views of ours, which come first.
    shadowed = {"mfa/webauthn/authenticator_list.html", "account/logout.html"}
    names = _templates(urls.urlpatterns) - shadowed

    assert len(names) > 15
    for name in names:
        template: Any = get_template(name)
        assert Path(template.origin.name).is_relative_to(TEMPLATES), name


def test_a_page_of_the_library_would_look_like_the_house() -> None:
    page = get_template("account/verification_sent.html").render({})

    assert 'class="solo"' in page


@pytest.mark.parametrize(
    ("method", "address", "data"),
    [
        ("post", "/accounts/sessions/end/", {"session": "9" * 5000}),
        ("get", "/accounts/reset/%00/x/", {}),
        ("get", "/admin/login/", {"next": "foo"}),
        ("get", "/admin/login/", {"next": "account_logout"}),
    ],
)
def test_odd_words_are_no_error(
    admin_client: Client, method: str, address: str, data: dict[str, str]
) -> None:
    answer = getattr(admin_client, method)(address, data)

    assert answer.status_code in {302, 404}
    assert answer.get("Location", "/").startswith("/")
