"""Accounts: login, logout, passwords, sign-up."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.core import mail
from django.test import Client

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
NEW_PASSWORD = "staple harbour crane"
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


def test_changing_the_password_keeps_this_login(client: Client, alice: Any) -> None:
    client.force_login(alice)

    response = client.post(
        "/accounts/password_change/",
        {
            "old_password": PASSWORD,
            "new_password1": NEW_PASSWORD,
            "new_password2": NEW_PASSWORD,
        },
        follow=True,
    )

    assert "Password changed" in response.content.decode()
    alice.refresh_from_db()
    assert alice.check_password(NEW_PASSWORD)
    assert client.get("/").status_code == 200


def test_a_forgotten_password_is_replaced_by_mail(client: Client, alice: Any) -> None:
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
        {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD},
        follow=True,
    )

    assert "Password saved" in done.content.decode()
    alice.refresh_from_db()
    assert alice.check_password(NEW_PASSWORD)


def test_a_reset_link_works_once(client: Client, alice: Any) -> None:
    client.post("/accounts/password_reset/", {"email": "alice@example.com"})
    link = re.search(r"(/accounts/reset/\S+)", str(mail.outbox[0].body))
    assert link is not None
    alice.set_password(NEW_PASSWORD)
    alice.save()

    response = client.get(link[1])

    assert "This link is not valid any more" in response.content.decode()


def test_a_reset_does_not_tell_who_has_an_account(client: Client, alice: Any) -> None:
    known = client.post("/accounts/password_reset/", {"email": "alice@example.com"})
    unknown = client.post("/accounts/password_reset/", {"email": "no@example.com"})

    assert known["Location"] == unknown["Location"] == "/accounts/password_reset/done/"
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("method", ["get", "post"])
def test_sign_up_is_closed_by_default(client: Client, method: str) -> None:
    response = getattr(client, method)("/accounts/signup/", NEWCOMER)

    assert response.status_code == 404
    assert "Make an account" not in client.get("/accounts/login/").content.decode()


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
