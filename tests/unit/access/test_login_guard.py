"""The number of wrong passwords is limited for each account and each address."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.contrib.auth import SESSION_KEY, authenticate
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client, RequestFactory

from uploads.errors import RateLimited
from uploads.models import Rate

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

NOON = datetime(2031, 5, 5, 12, tzinfo=UTC)
PASSWORD = "correct horse battery"
GUESS = "wrong"


@pytest.fixture(autouse=True)
def _limits(settings: Settings) -> None:
    settings.UPLOADS = {
        "RATE_LOGIN": "5/5minutes",
        "RATE_LOGIN_PER_ADDRESS": "12/hour",
    }
    settings.TRUSTED_PROXY_COUNT = 1


@pytest.fixture(autouse=True)
def alice(django_user_model: Any) -> Any:
    return django_user_model.objects.create_superuser("alice", password=PASSWORD)


def log_in(
    username: str = "alice",
    password: str = GUESS,
    *,
    address: str = "203.0.113.7",
) -> Any:
    return Client().post(
        "/accounts/login/",
        {"username": username, "password": password},
        headers={"X-Forwarded-For": address},
    )


def statuses(tries: int, **changes: Any) -> list[int]:
    return [log_in(**changes).status_code for _ in range(tries)]


def test_sixth_guess_is_refused_even_with_the_correct_password() -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        assert statuses(5) == [200] * 5

        refused = log_in(password=PASSWORD)
        assert refused.status_code == 429
        assert refused["Retry-After"] == "60"
        assert refused["Content-Type"].startswith("text/html")
        assert "no-store" in refused["Cache-Control"]
        text = refused.content.decode()
        assert "the limit is 5 in 5 minutes. Try again in 60 seconds." in text

        clock.shift(timedelta(seconds=60))
        welcome = log_in(password=PASSWORD)
        assert SESSION_KEY in welcome.client.session


@time_machine.travel(NOON, tick=False)
def test_login_and_confirmation_share_one_limit(alice: Any) -> None:
    found = Client(headers={"X-Forwarded-For": "203.0.113.7"})
    found.force_login(alice)

    def confirm() -> Any:
        return found.post("/accounts/reauthenticate/", {"password": GUESS})

    answers = [(log_in() if n % 2 else confirm()).status_code for n in range(6)]

    assert answers == [200] * 5 + [429]


@time_machine.travel(NOON, tick=False)
def test_correct_password_is_not_counted_before_the_second_factor(alice: Any) -> None:
    Authenticator.objects.create(user=alice, type="totp", data={"secret": "x"})

    for _ in range(20):
        assert log_in(password=PASSWORD)["Location"] == "/accounts/2fa/authenticate/"

    assert statuses(6) == [200] * 5 + [429]


@time_machine.travel(NOON, tick=False)
def test_correct_password_on_the_confirmation_page_is_not_counted(alice: Any) -> None:
    browser = Client(headers={"X-Forwarded-For": "203.0.113.7"})
    browser.force_login(alice)

    for _ in range(8):
        answer = browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
        assert answer.status_code == 302

    assert statuses(6) == [200] * 5 + [429]


@time_machine.travel(NOON, tick=False)
def test_login_over_the_limit_hashes_no_password() -> None:
    statuses(5)

    with mock.patch.object(MD5PasswordHasher, "encode") as encode:
        assert statuses(3) == [429] * 3

    encode.assert_not_called()


@time_machine.travel(NOON, tick=False)
def test_unknown_and_known_names_get_the_same_answers() -> None:
    def facts(username: str, address: str) -> list[Any]:
        answers = [log_in(username, address=address) for _ in range(6)]
        return [
            (a.status_code, a.headers.get("Retry-After"), len(a.content.splitlines()))
            for a in answers
        ]

    assert facts("alice", "203.0.113.7") == facts("nobody", "203.0.113.8")


@time_machine.travel(NOON, tick=False)
def test_successful_login_is_not_counted() -> None:
    for _ in range(20):
        assert log_in(password=PASSWORD).status_code == 302

    assert statuses(6) == [200] * 5 + [429]


@time_machine.travel(NOON, tick=False)
def test_successful_login_does_not_reset_the_count_of_failures() -> None:
    """Otherwise attackers could reset the count by a login with their own account."""
    statuses(4)
    log_in(password=PASSWORD)

    assert statuses(2) == [200, 429]


@time_machine.travel(NOON, tick=False)
def test_guesses_lock_an_account_only_for_the_guessers_address() -> None:
    assert statuses(6)[-1] == 429

    assert log_in(password=PASSWORD, address="198.51.100.9").status_code == 302


@time_machine.travel(NOON, tick=False)
def test_address_that_tries_many_names_is_limited() -> None:
    answers = [log_in(f"name-{n}").status_code for n in range(15)]

    assert answers == [200] * 12 + [429] * 3


@time_machine.travel(NOON, tick=False)
def test_addresses_of_one_ipv6_network_share_a_limit() -> None:
    answers = [
        log_in(f"name-{n}", address=f"2001:db8:1:2::{n}").status_code for n in range(15)
    ]

    assert answers.count(429) == 3
    assert log_in(address="2001:db8:1:3::1").status_code == 200


@time_machine.travel(NOON, tick=False)
def test_forged_forwarded_header_does_not_raise_the_limit() -> None:
    answers = [log_in(address=f"6.6.6.{n}, 203.0.113.7").status_code for n in range(6)]

    assert answers == [200] * 5 + [429]


@time_machine.travel(NOON, tick=False)
def test_names_that_differ_only_in_case_share_a_limit() -> None:
    answers = [log_in(name).status_code for name in ("alice", "Alice", "ALICE") * 2]

    assert answers == [200] * 5 + [429]


@time_machine.travel(NOON, tick=False)
def test_direct_calls_of_authenticate_are_limited() -> None:
    request = RequestFactory().post("/somewhere/")
    for _ in range(5):
        assert authenticate(request, email="alice", password=GUESS) is None

    with pytest.raises(RateLimited):
        authenticate(request, email="alice", password=PASSWORD)


@time_machine.travel(NOON, tick=False)
def test_guesses_without_a_request_count_for_the_account_only() -> None:
    for _ in range(5):
        authenticate(None, username="alice", password=GUESS)

    with pytest.raises(RateLimited):
        authenticate(None, username="alice", password=PASSWORD)
    assert Rate.objects.count() == 1


def test_logins_without_a_password_are_not_counted(alice: Any) -> None:
    Client().force_login(alice)
    authenticate(RequestFactory().post("/"), remote_user="alice")

    assert not Rate.objects.exists()


@time_machine.travel(NOON, tick=False)
def test_login_without_a_password_does_not_reduce_the_count(
    settings: Settings, alice: Any
) -> None:
    """The site does not count such logins, so they must not reduce the count."""
    settings.SIGNUP_OPEN = True
    statuses(5)

    made = Client().post(
        "/accounts/signup/",
        {
            "username": "newcomer",
            "email": "newcomer@example.com",
            "password1": PASSWORD,
            "password2": PASSWORD,
        },
        headers={"X-Forwarded-For": "203.0.113.7"},
    )
    Client().force_login(alice)

    assert made.status_code == 302
    assert statuses(1) == [429]


@time_machine.travel(NOON, tick=False)
def test_limits_of_guesses_can_be_switched_off(settings: Settings) -> None:
    settings.UPLOADS = {"RATE_LOGIN": "off", "RATE_LOGIN_PER_ADDRESS": ""}

    assert statuses(30) == [200] * 30


def test_login_guard_is_the_first_authentication_backend(settings: Settings) -> None:
    assert (
        settings.AUTHENTICATION_BACKENDS[0] == "uploads.access.login_guard.LoginGuard"
    )
