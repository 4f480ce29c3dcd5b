"""Test logins and logouts, on the site and in the admin."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.core.cache import cache, caches
from django.core.cache.backends.db import DatabaseCache
from django.test import Client
from django.utils.http import urlencode

if TYPE_CHECKING:
    from pytest_django import Settings
from tests.support.account_pages import NEWCOMER, PASSWORD, log_in

pytestmark = pytest.mark.django_db


FORM = "application/x-www-form-urlencoded"


def test_login_redirects_to_the_requested_page(client: Client, alice: Any) -> None:
    response = log_in(client, PASSWORD, next="/api/v1/docs")

    assert response["Location"] == "/api/v1/docs"
    assert client.session[SESSION_KEY] == str(alice.pk)


def test_login_does_not_redirect_to_another_site(client: Client, alice: Any) -> None:
    response = log_in(client, PASSWORD, next="https://evil.example/")

    assert response["Location"] == "/"


def test_wrong_password_shows_an_error_in_the_form(client: Client, alice: Any) -> None:
    response = log_in(client, "wrong")

    assert response.status_code == 200
    assert "The username or the password is wrong." in response.content.decode()
    assert SESSION_KEY not in client.session


def test_disabled_account_shows_the_error_of_a_wrong_password(
    client: Client, alice: Any
) -> None:
    alice.is_active = False
    alice.save()

    response = log_in(client, PASSWORD)

    assert "The username or the password is wrong." in response.content.decode()


def test_logged_in_person_is_redirected_from_the_login_form(
    client: Client, alice: Any
) -> None:
    client.force_login(alice)

    assert client.get("/accounts/login/")["Location"] == "/"


def test_logout_requires_a_post(client: Client, alice: Any) -> None:
    client.force_login(alice)

    assert client.get("/accounts/logout/").status_code == 405
    assert client.post("/accounts/logout/")["Location"] == "/accounts/login/"
    assert SESSION_KEY not in client.session


def test_error_messages_are_linked_to_their_fields(
    client: Client, settings: Settings
) -> None:
    settings.SIGNUP_OPEN = True

    text = client.post(
        "/accounts/signup/", {**NEWCOMER, "password2": "other"}
    ).content.decode()

    field = re.search(r'<input type="password" name="password2"[^>]*>', text)
    assert field is not None
    assert 'aria-invalid="true"' in field[0]
    assert "id_password2_error" in field[0]
    assert 'id="id_password2_error"' in text


def test_form_without_a_csrf_token_is_refused_with_a_page(alice: Any) -> None:
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
def test_login_of_the_admin_redirects_to_the_sites_login(
    client: Client, django_user_model: Any, method: str, path: str, target: str
) -> None:
    django_user_model.objects.create_superuser("root", password=PASSWORD)

    response = client.generic(method, path, f"username=root&password={PASSWORD}", FORM)

    assert response["Location"] == f"/accounts/login/?{urlencode({'next': target})}"
    assert SESSION_KEY not in client.session


def test_login_in_the_admin_does_not_change_the_account(
    client: Client, django_user_model: Any
) -> None:
    django_user_model.objects.create_superuser("root", password=PASSWORD)
    clerk = django_user_model.objects.create_user("clerk", is_staff=True)
    client.force_login(clerk)

    client.post("/admin/login/", {"username": "root", "password": PASSWORD})

    assert client.session[SESSION_KEY] == str(clerk.pk)


def test_admin_refuses_people_without_staff_rights_with_a_message(
    client: Client, alice: Any
) -> None:
    client.force_login(alice)

    response = client.get("/admin/", follow=True)

    assert response.status_code == 403
    assert "You may not open this page" in response.content.decode()


def test_logout_and_password_page_of_the_admin_are_the_sites_pages(
    client: Client, django_user_model: Any
) -> None:
    client.force_login(django_user_model.objects.create_superuser("root"))

    change = client.get("/admin/password_change/")
    logout = client.post("/admin/logout/")

    assert change["Location"] == "/accounts/password_change/"
    assert logout["Location"] == "/accounts/login/"
    assert SESSION_KEY not in client.session


def test_account_pages_are_not_cached(client: Client, alice: Any) -> None:
    client.force_login(alice)

    for path in ("/accounts/", "/accounts/password_change/", "/accounts/2fa/"):
        assert "no-store" in client.get(path)["Cache-Control"], path


def test_default_cache_is_shared_by_all_processes() -> None:
    assert isinstance(caches["default"], DatabaseCache)

    cache.set("count", 3)

    assert cache.get("count") == 3
