"""People create accounts by the sign-up form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client

if TYPE_CHECKING:
    from pytest_django import Settings
from tests.support.account_pages import NEWCOMER

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("method", ["get", "post"])
def test_sign_up_is_closed_by_default(client: Client, method: str) -> None:
    response = getattr(client, method)("/accounts/signup/", NEWCOMER)

    assert response.status_code == 404
    assert "Create an account" not in client.get("/accounts/login/").content.decode()


def test_new_person_signs_up_when_sign_up_is_open(
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
        "15 or more characters are better"
        in client.get("/accounts/password_change/").content.decode()
    )


def test_name_that_differs_only_in_case_is_refused_as_taken(
    client: Client, alice: Any, settings: Settings, django_user_model: Any
) -> None:
    settings.SIGNUP_OPEN = True

    response = client.post("/accounts/signup/", {**NEWCOMER, "username": "Alice"})

    assert "already exists" in response.content.decode()
    assert django_user_model.objects.count() == 1


def test_sign_up_does_not_reveal_a_used_mail_address(
    client: Client, alice: Any, settings: Settings, django_user_model: Any
) -> None:
    settings.SIGNUP_OPEN = True

    response = client.post("/accounts/signup/", {**NEWCOMER, "email": alice.email})

    assert response["Location"] == "/"
    assert django_user_model.objects.filter(email=alice.email).count() == 2


def test_weak_password_is_refused(
    client: Client, settings: Settings, django_user_model: Any
) -> None:
    settings.SIGNUP_OPEN = True

    response = client.post(
        "/accounts/signup/", {**NEWCOMER, "password1": "12", "password2": "12"}
    )

    assert "This password is too short" in response.content.decode()
    assert not django_user_model.objects.exists()
