"""Test that people can change and reset a password."""

from __future__ import annotations

import re
from typing import Any

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.core import mail
from django.test import Client
from django.utils import timezone

from tests.support.account_pages import PASSWORD, log_in
from uploads.access.tokens import create_token, use_token

pytestmark = pytest.mark.django_db


NEW_PASSWORD = "staple harbour crane"


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


def test_password_change_keeps_this_session_and_ends_all_others(
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


def test_password_change_with_a_wrong_password_is_refused(
    client: Client, alice: Any
) -> None:
    client.force_login(alice)

    response = change_password(client, oldpassword="wrong")

    assert "This is not your current password." in response.content.decode()
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


@pytest.mark.parametrize(("ticked", "is_valid"), [(True, False), (False, True)])
def test_password_change_revokes_tokens_by_default(
    client: Client, alice: Any, ticked: bool, is_valid: bool
) -> None:
    client.force_login(alice)
    _, secret = create_token(alice, name="script")
    offer = client.get("/accounts/password_change/").content.decode()

    change_password(client, **({"revoke_tokens": "on"} if ticked else {}))

    assert re.search(r'<input type="checkbox" name="revoke_tokens"[^>]* checked', offer)
    assert (use_token(secret) is not None) is is_valid


def test_guesses_of_the_current_password_are_limited(
    client: Client, alice: Any
) -> None:
    client.force_login(alice)

    with time_machine.travel(timezone.now(), tick=False):
        answers = [change_password(client, oldpassword="wrong") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert "Too many requests" in answers[-1].content.decode()


def test_forgotten_password_is_reset_by_mail(client: Client, alice: Any) -> None:
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


def test_reset_link_works_once(client: Client, alice: Any) -> None:
    client.post("/accounts/password_reset/", {"email": "alice@example.com"})
    link = re.search(r"(/accounts/reset/\S+)", str(mail.outbox[0].body))
    assert link is not None
    alice.set_password(NEW_PASSWORD)
    alice.save()

    response = client.get(link[1])

    assert "This link is no longer valid" in response.content.decode()


def test_reset_does_not_reveal_which_accounts_exist(client: Client, alice: Any) -> None:
    known = client.post("/accounts/password_reset/", {"email": "alice@example.com"})
    unknown = client.post("/accounts/password_reset/", {"email": "no@example.com"})

    assert known["Location"] == unknown["Location"] == "/accounts/password_reset/done/"
    assert len(mail.outbox) == 1


def test_account_without_a_password_can_set_one(
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
