"""A site can require a second factor from staff or from all people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import NoReverseMatch, reverse

from tests.support.routes import all_paths
from uploads.access.tokens import create_token

if TYPE_CHECKING:
    from pytest_django import Settings
from tests.support.factor_pages import PASSWORD, log_in, set_up_app

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


ADMIN = ["/admin/", "/admin/uploads/upload/", "/admin/auth/user/1/password/"]


@pytest.mark.parametrize("path", ADMIN)
@pytest.mark.parametrize("who", ["staff", "all"])
def test_staff_without_a_second_factor_cannot_open_the_admin(
    client: Client, settings: Settings, django_user_model: Any, who: str, path: str
) -> None:
    settings.TWO_FACTOR_REQUIRED = who
    root = django_user_model.objects.create_superuser("root", password=PASSWORD)
    client.force_login(root)

    barred = client.get(path)
    set_up_app(client, root)

    assert barred["Location"] == "/accounts/2fa/"
    assert client.get("/admin/").status_code == 200


def test_all_admin_pages_require_the_second_factor(
    client: Client, settings: Settings, django_user_model: Any
) -> None:
    settings.TWO_FACTOR_REQUIRED = "staff"
    client.force_login(django_user_model.objects.create_superuser("root"))
    elsewhere = {"admin/login/", "admin/logout/", "admin/password_change/"}
    pages = [path for path in all_paths() if path.startswith("admin/")]
    assert len(pages) > 40

    answers = {path: client.get(f"/{path}") for path in set(pages) - elsewhere}

    open_pages = [
        path
        for path, answer in answers.items()
        if answer.headers.get("Location") != "/accounts/2fa/"
    ]
    assert open_pages == []


def test_redirect_to_the_second_factor_shows_the_reason(
    client: Client, settings: Settings, django_user_model: Any
) -> None:
    settings.TWO_FACTOR_REQUIRED = "staff"
    client.force_login(django_user_model.objects.create_superuser("root"))

    page = client.get("/admin/", follow=True).content.decode()

    assert "Your account needs a second factor." in page
    assert "/accounts/2fa/totp/activate/" in page
    assert "/accounts/2fa/webauthn/add/" in page


def test_second_factor_required_from_staff_affects_only_the_admin(
    client: Client, alice: Any, settings: Settings, django_user_model: Any
) -> None:
    settings.TWO_FACTOR_REQUIRED = "staff"
    operator = Client()
    operator.force_login(django_user_model.objects.create_superuser("root"))
    client.force_login(alice)

    for browser in (client, operator):
        assert browser.get("/").status_code == 200
        assert browser.get("/api/v1/me").status_code == 200


def test_person_without_the_required_factor_sees_only_account_pages(
    client: Client, alice: Any, settings: Settings
) -> None:
    settings.TWO_FACTOR_REQUIRED = "all"
    client.force_login(alice)

    for path in ("/", "/uploads/6d1f0a52-0c41-4a86-9d3f-0d6a2d1f5d11/", "/api/v1/docs"):
        assert client.get(path)["Location"] == "/accounts/2fa/"
    for path in ("/accounts/", "/accounts/2fa/", "/accounts/password_change/"):
        assert client.get(path).status_code == 200
    assert client.post("/accounts/logout/")["Location"] == "/accounts/login/"


def test_api_refuses_a_session_without_the_required_factor_with_a_reason(
    client: Client, alice: Any, settings: Settings
) -> None:
    settings.TWO_FACTOR_REQUIRED = "all"
    client.force_login(alice)

    answer = client.get("/api/v1/me")

    assert answer.status_code == 403
    assert answer.json()["code"] == "permission_denied"
    assert "second factor" in answer.json()["detail"]
    assert "/accounts/2fa/" in answer.json()["detail"]
    set_up_app(client, alice)
    assert client.get("/api/v1/me").status_code == 200


def test_request_with_a_token_needs_no_second_factor(
    client: Client, alice: Any, settings: Settings
) -> None:
    settings.TWO_FACTOR_REQUIRED = "all"
    _, token = create_token(alice, name="script")

    answer = client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 200


def test_token_cannot_be_created_without_the_second_factor(
    client: Client, alice: Any, settings: Settings
) -> None:
    # A token works without a second factor, so creating a token must require one.
    settings.TWO_FACTOR_REQUIRED = "all"
    client.force_login(alice)
    try:
        path = reverse("tokens")
    except NoReverseMatch:
        path = "/accounts/tokens/"

    for answer in (client.get(path), client.post(path, {"name": "x"})):
        assert answer.status_code in {302, 404}
    assert not alice.api_tokens.exists()


def test_recovery_codes_alone_are_no_second_factor(
    client: Client, alice: Any, settings: Settings
) -> None:
    set_up_app(client, alice)
    Authenticator.objects.filter(type=Authenticator.Type.TOTP).delete()
    settings.TWO_FACTOR_REQUIRED = "all"

    assert client.get("/")["Location"] == "/accounts/2fa/"


def test_operator_removes_a_lost_factor_without_seeing_its_secret(
    client: Client, secret: str, django_user_model: Any
) -> None:
    operator = Client()
    operator.force_login(django_user_model.objects.create_superuser("root"))
    app = Authenticator.objects.get(type=Authenticator.Type.TOTP)
    path = f"/admin/mfa/authenticator/{app.pk}/"

    page = operator.get(f"{path}change/").content.decode()
    operator.post(f"{path}delete/", {"post": "yes"})

    assert "alice" in page
    assert app.data["secret"] not in page
    assert operator.post(f"{path}change/", {"data": "{}"}).status_code in {302, 403}
    browser = Client()
    assert log_in(browser)["Location"] == "/"


@pytest.mark.parametrize("path", ["account/emailaddress", "usersessions/usersession"])
def test_tables_of_the_library_are_not_in_the_admin(
    client: Client, django_user_model: Any, path: str
) -> None:
    client.force_login(django_user_model.objects.create_superuser("root"))

    assert client.get(f"/admin/{path}/").status_code == 404
