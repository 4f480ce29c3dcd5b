"""People see and end their own sessions. The site records the last use of each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone

from uploads.access.tokens import create_token

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/605"


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """Freeze the time until a test moves it."""
    now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    with time_machine.travel(now, tick=False) as traveller:
        yield traveller


@pytest.fixture
def desktop(alice: Any) -> Client:
    """Return a browser in which alice has logged in."""
    return log_in(FIREFOX, "192.0.2.1")


@pytest.fixture
def phone(alice: Any) -> Client:
    return log_in(PHONE, "2001:db8::7")


def log_in(user_agent: str, address: str) -> Client:
    browser = Client(headers={"User-Agent": user_agent}, REMOTE_ADDR=address)
    browser.post("/accounts/login/", {"username": "alice", "password": PASSWORD})
    return browser


def row_of(browser: Client) -> UserSession:
    return UserSession.objects.get(session_key=browser.session.session_key)


def test_account_page_lists_all_sessions(desktop: Client, phone: Client) -> None:
    page = desktop.get("/accounts/").content.decode()

    for words in ("Firefox on Linux", "192.0.2.1", "Safari on iPhone", "2001:db8::7"):
        assert words in page
    assert page.count("This browser") == 1
    assert page.index("Firefox on Linux") < page.index("This browser")
    assert page.index("This browser") < page.index("Safari on iPhone")


def test_single_session_can_be_ended(desktop: Client, phone: Client) -> None:
    desktop.post("/accounts/sessions/end/", {"session": row_of(phone).pk})

    assert phone.get("/").status_code == 302
    assert phone.get("/api/v1/me").status_code == 401
    assert desktop.get("/").status_code == 200
    assert UserSession.objects.get() == row_of(desktop)


def test_all_other_sessions_can_be_ended_together(
    desktop: Client, phone: Client
) -> None:
    third = log_in("curl/8", "192.0.2.3")

    answer = desktop.post("/accounts/sessions/end/", follow=True)

    assert "2 other browsers are logged out." in answer.content.decode()
    assert [b.get("/").status_code for b in (desktop, phone, third)] == [200, 302, 302]


@pytest.mark.parametrize("named", ["0", "x", "-1", "9" * 30, "\u0663"])
def test_unknown_session_id_ends_no_session(
    desktop: Client, phone: Client, named: str
) -> None:
    answer = desktop.post("/accounts/sessions/end/", {"session": named}, follow=True)

    assert answer.status_code == 200
    assert "That session had already ended." in answer.content.decode()
    assert phone.get("/").status_code == 200


def test_session_of_another_person_cannot_be_ended(
    desktop: Client, django_user_model: Any
) -> None:
    bob = Client()
    bob.force_login(django_user_model.objects.create_user("bob"))
    bob.get("/")

    desktop.post("/accounts/sessions/end/", {"session": row_of(bob).pk})
    desktop.post("/accounts/sessions/end/")

    assert bob.get("/").status_code == 200


def test_ending_sessions_requires_a_post(desktop: Client, phone: Client) -> None:
    assert desktop.get("/accounts/sessions/end/").status_code == 405
    assert phone.get("/").status_code == 200


def test_logged_out_session_is_not_listed(desktop: Client, phone: Client) -> None:
    phone.post("/accounts/logout/")

    assert "Safari on iPhone" not in desktop.get("/accounts/").content.decode()


def test_last_use_is_written_at_most_every_few_minutes(
    desktop: Client, clock: time_machine.Traveller
) -> None:
    began = row_of(desktop).last_seen_at

    clock.shift(4 * 60)
    desktop.get("/")
    soon = row_of(desktop).last_seen_at
    clock.shift(2 * 60)
    desktop.get("/")

    assert soon == began
    assert row_of(desktop).last_seen_at == timezone.now()


@pytest.mark.parametrize("path", ["/", "/api/v1/me"])
def test_new_address_of_a_session_is_written_at_once(
    desktop: Client, path: str
) -> None:
    # The list must show the address at which a stolen cookie is used, on pages and in
    # the API.
    desktop.get(path, REMOTE_ADDR="203.0.113.9", headers={"User-Agent": "curl/8"})

    assert row_of(desktop).ip == "203.0.113.9"
    assert row_of(desktop).user_agent == "curl/8"


def test_request_with_a_token_does_not_update_the_session(
    desktop: Client, alice: Any, django_user_model: Any
) -> None:
    _, secret = create_token(django_user_model.objects.create_user("bob"), name="x")

    answer = desktop.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"})

    assert answer.json()["username"] == "bob"
    assert row_of(desktop).user == alice
    assert UserSession.objects.count() == 1


@pytest.mark.parametrize("address", ["", "unix:", "x"])
def test_session_without_an_address_is_listed(alice: Any, address: str) -> None:
    browser = log_in(FIREFOX, address)

    page = browser.get("/accounts/").content.decode()

    assert "Firefox on Linux" in page
    assert "::" not in page


def test_request_succeeds_when_the_last_use_cannot_be_written(
    desktop: Client, clock: time_machine.Traveller
) -> None:
    def refuse(execute: Any, sql: str, *more: Any) -> Any:
        if UserSession._meta.db_table in sql:
            raise DatabaseError("no more writes")
        return execute(sql, *more)

    clock.shift(10 * 60)
    with connection.execute_wrapper(refuse):
        answer = desktop.get("/api/v1/me")

    assert answer.status_code == 200


def test_disabled_account_is_logged_out_of_all_browsers(
    desktop: Client, phone: Client, alice: Any
) -> None:
    alice.is_active = False
    alice.save()

    assert desktop.get("/").status_code == phone.get("/").status_code == 302
