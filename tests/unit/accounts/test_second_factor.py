"""People can set up, use and remove second factors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.contrib.auth import SESSION_KEY
from django.test import Client

from tests.support.passkey import add_passkey
from tests.support.totp import code, wrong_code
from uploads.models import AuditEvent

if TYPE_CHECKING:
    from pytest_django import Settings
from tests.support.factor_pages import (
    confirm,
    log_in,
    offered_secret,
    set_up_app,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


def recovery_codes(client: Client) -> list[str]:
    page = client.get("/accounts/2fa/recovery-codes/").content.decode()
    return re.findall(r"<li><code>(\d{8})</code></li>", page)


def enter_code(client: Client, digits: str) -> Any:
    return client.post("/accounts/2fa/authenticate/", {"code": digits})


def is_logged_in(client: Client) -> bool:
    return SESSION_KEY in client.session


def test_setting_up_an_app_creates_recovery_codes(client: Client, secret: str) -> None:
    codes = recovery_codes(client)
    page = client.get("/accounts/").content.decode()
    file = client.get("/accounts/2fa/recovery-codes/download/")

    assert len(set(codes)) == 10
    assert "Remove the authenticator app" in page
    assert "10 left" in page
    assert file["Content-Disposition"] == 'attachment; filename="recovery-codes.txt"'
    assert all(line in file.content.decode() for line in codes)


def test_page_with_the_qr_code_loads_nothing_from_other_sites(
    client: Client, alice: Any
) -> None:
    client.force_login(alice)
    confirm(client)

    answer = client.get("/accounts/2fa/totp/activate/")

    assert 'src="data:image/svg+xml;base64,' in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert Authenticator.objects.count() == 0


def test_wrong_code_does_not_set_up_the_app(client: Client, alice: Any) -> None:
    client.force_login(alice)
    wrong = wrong_code(offered_secret(client))

    answer = client.post("/accounts/2fa/totp/activate/", {"code": wrong})

    assert "This code is wrong." in answer.content.decode()
    assert Authenticator.objects.count() == 0


def test_password_alone_does_not_log_in(secret: str) -> None:
    browser = Client()

    answer = log_in(browser)

    assert answer["Location"] == "/accounts/2fa/authenticate/"
    assert not is_logged_in(browser)
    assert browser.get("/").status_code == 302
    assert browser.get("/api/v1/me").status_code == 401
    assert browser.get("/admin/").status_code == 302


def test_login_with_the_current_code_succeeds(
    secret: str, clock: time_machine.Traveller
) -> None:
    browser = Client()
    log_in(browser)

    stale = code(secret)
    clock.shift(30)

    assert enter_code(browser, stale).status_code == 200
    assert not is_logged_in(browser)
    assert enter_code(browser, code(secret))["Location"] == "/"
    assert is_logged_in(browser)


def test_used_code_is_refused(secret: str) -> None:
    first, second = Client(), Client()
    for browser in (first, second):
        log_in(browser)
        enter_code(browser, code(secret))

    assert is_logged_in(first)
    assert not is_logged_in(second)


def test_recovery_code_works_once(client: Client, secret: str) -> None:
    first, second = Client(), Client()
    spare = recovery_codes(client)[3]
    for browser in (first, second):
        log_in(browser)
        enter_code(browser, spare)

    assert is_logged_in(first)
    assert not is_logged_in(second)
    confirm(client)
    assert spare not in recovery_codes(client)


def test_new_recovery_codes_replace_the_old_ones(client: Client, secret: str) -> None:
    old = recovery_codes(client)

    client.post("/accounts/2fa/recovery-codes/generate/")
    new = recovery_codes(client)

    assert set(old).isdisjoint(new)
    browser = Client()
    log_in(browser)
    enter_code(browser, old[0])
    assert not is_logged_in(browser)


def test_guesses_of_codes_are_limited_for_each_account(
    secret: str, clock: time_machine.Traveller
) -> None:
    # There are a million codes. Each code is valid for 30 seconds.
    for _ in range(5):
        browser = Client()
        log_in(browser)
        answer = enter_code(browser, wrong_code(secret))
        assert "This code is wrong." in answer.content.decode()

    browser = Client()
    log_in(browser)
    refused = enter_code(browser, code(secret))

    assert "Too many wrong codes." in refused.content.decode()
    assert not is_logged_in(browser)
    clock.shift(5 * 60)
    enter_code(browser, code(secret))
    assert is_logged_in(browser)


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/2fa/totp/activate/",
        "/accounts/2fa/totp/deactivate/",
        "/accounts/2fa/webauthn/add/",
        "/accounts/2fa/recovery-codes/",
        "/accounts/2fa/recovery-codes/download/",
        "/accounts/2fa/recovery-codes/generate/",
    ],
)
def test_changing_factors_requires_a_recent_password(
    client: Client, alice: Any, path: str
) -> None:
    if "activate" not in path or "deactivate" in path:
        set_up_app(client, alice)
    client.force_login(alice)
    session = client.session
    session.pop("account_authentication_methods", None)
    session.save()

    for method in ("GET", "POST"):
        answer = client.generic(method, path)
        if answer.status_code != 405:
            assert answer.status_code == 302
            assert answer["Location"].startswith("/accounts/reauthenticate/?next=")
        assert (method, answer.status_code) != ("GET", 405)


def test_confirmation_by_password_expires(
    client: Client, secret: str, clock: time_machine.Traveller
) -> None:
    assert client.get("/accounts/2fa/recovery-codes/").status_code == 200

    clock.shift(5 * 60)

    assert client.get("/accounts/2fa/recovery-codes/").status_code == 302


def test_login_needs_no_code_after_the_app_was_removed(
    client: Client, secret: str
) -> None:
    client.post("/accounts/2fa/totp/deactivate/")

    browser = Client()
    assert log_in(browser)["Location"] == "/"
    assert Authenticator.objects.count() == 0


@pytest.mark.django_db(transaction=True)  # allauth sends its signals after the commit
def test_new_factor_logs_out_sessions_without_a_factor(
    client: Client, alice: Any
) -> None:
    other_client = Client()
    log_in(other_client)
    assert is_logged_in(other_client)

    set_up_app(client, alice)

    assert other_client.get("/").status_code == 302
    assert client.get("/").status_code == 200


def test_database_contains_no_readable_secret_of_a_factor(
    client: Client, secret: str
) -> None:
    codes = recovery_codes(client)

    kept = " ".join(str(row.data) for row in Authenticator.objects.all())

    assert secret not in kept
    assert not any(spare in kept for spare in codes)


@pytest.mark.parametrize("kept", [True, False])
def test_factor_works_after_a_key_change_only_with_a_fallback_key(
    client: Client, secret: str, settings: Settings, kept: bool
) -> None:
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY] if kept else []
    settings.SECRET_KEY = "another key " * 5
    browser = Client()
    log_in(browser)

    answer = enter_code(browser, code(secret))

    assert answer.status_code == (302 if kept else 200)
    assert is_logged_in(browser) is kept


def test_second_factor_is_optional_by_default(
    client: Client, django_user_model: Any
) -> None:
    client.force_login(django_user_model.objects.create_superuser("root"))

    assert client.get("/").status_code == 200
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize("path", ["/accounts/", "/accounts/2fa/"])
def test_passkey_link_is_hidden_until_a_script_has_checked_the_browser(
    client: Client, alice: Any, path: str
) -> None:
    client.force_login(alice)

    page = client.get(path).content.decode()

    [link] = re.findall(r"<[^>]*data-passkey-link[^>]*>", page)
    assert link.endswith(" hidden>")
    assert page.count("/accounts/2fa/webauthn/add/") == 1
    assert "build/passkeys.js" in page
    assert "data-passkey-unsupported hidden" in page


def test_link_for_a_confirmation_by_passkey_is_hidden_without_a_script(
    client: Client, alice: Any
) -> None:
    client.force_login(alice)
    add_passkey(alice)

    page = client.get("/accounts/reauthenticate/").content.decode()

    [line, link] = re.findall(r"<[^>]*data-passkey-link[^>]*>", page)
    assert line.startswith("<p")
    assert line.endswith(" hidden>")
    assert link.startswith("<a")
    assert link.endswith(" hidden>")
    assert "build/passkeys.js" in page


def test_confirmation_page_shows_a_heading_for_methods_other_than_passkeys(
    client: Client, alice: Any, secret: str
) -> None:
    add_passkey(alice)

    page = client.get("/accounts/reauthenticate/").content.decode()

    [link] = re.findall(r"<[^>]*data-passkey-link[^>]*>", page)
    assert link.startswith("<a")
    assert link.endswith(" hidden>")
    assert "Use your app or a recovery code" in page


@pytest.mark.django_db(transaction=True)  # allauth sends its signals after the commit
def test_changes_of_factors_are_recorded(
    client: Client, secret: str, alice: Any
) -> None:
    client.post("/accounts/2fa/totp/deactivate/")
    events = AuditEvent.objects.filter(kind__startswith="factor.").order_by("id")

    assert [(event.kind, event.detail["type"]) for event in events] == [
        ("factor.added", "totp"),
        ("factor.added", "recovery_codes"),
        ("factor.removed", "totp"),
        ("factor.removed", "recovery_codes"),
    ]
    assert {(event.user, event.actor) for event in events} == {(alice, alice)}
    assert not any(secret in str(event.detail) for event in events)


def test_wrong_code_is_recorded(secret: str, alice: Any) -> None:
    other_client = Client()
    log_in(other_client)
    enter_code(other_client, wrong_code(secret))

    event = AuditEvent.objects.get(kind="factor.failed")
    assert (event.user, event.actor) == (alice, None)


def test_error_of_a_wrong_first_code_mentions_only_the_app(
    client: Client, alice: Any
) -> None:
    client.force_login(alice)
    confirm(client)
    client.get("/accounts/2fa/totp/activate/")

    page = client.post("/accounts/2fa/totp/activate/", {"code": "000000"})

    assert "enter the code that the app shows now" in page.content.decode()
    assert "recovery" not in page.content.decode()


def test_error_of_a_wrong_login_code_mentions_recovery_codes(
    client: Client, secret: str
) -> None:
    client.logout()
    log_in(client)

    assert (
        "or a recovery code that you have not used yet"
        in enter_code(client, "000000").content.decode()
    )


@pytest.mark.parametrize("page", ["totp/activate", "webauthn/add"])
def test_page_announces_that_a_new_factor_ends_other_sessions(
    client: Client, alice: Any, page: str
) -> None:
    client.force_login(alice)
    confirm(client)

    text = client.get(f"/accounts/2fa/{page}/").content.decode()

    assert "This logs out all other browsers." in text
