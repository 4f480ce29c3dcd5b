"""The number of sessions that an address can create without a login is limited."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.apps import apps
from django.conf import settings as site
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client

from tests.support.routes import all_paths
from uploads.models import AuditEvent, Rate
from uploads.s3.bucket import Bucket

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

NOON = datetime(2031, 5, 5, 12, tzinfo=UTC)
PASSWORD = "correct horse battery"
OPTIONS = "/accounts/2fa/webauthn/login/"
HERE, ELSEWHERE = "203.0.113.7", "198.51.100.9"


@pytest.fixture(autouse=True)
def clock(settings: Settings) -> Iterator[time_machine.Traveller]:
    settings.UPLOADS = {"RATE_SESSION": "5/hour", "RATE_SESSION_PER_ADDRESS": "5/hour"}
    settings.TRUSTED_PROXY_COUNT = 1
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def logged_out_client(address: str = HERE) -> Client:
    return Client(headers={"X-Forwarded-For": address})


def request_passkey_options(browser: Client) -> Any:
    return browser.get(OPTIONS, headers={"Accept": "application/json"})


def log_in(browser: Client) -> Any:
    return browser.post("/accounts/login/", {"username": "alice", "password": PASSWORD})


def test_requests_for_passkey_options_create_a_limited_number_of_sessions(
    clock: time_machine.Traveller,
) -> None:
    answers = [
        request_passkey_options(logged_out_client()).status_code for _ in range(8)
    ]

    assert answers == [200] * 5 + [429] * 3
    assert Session.objects.count() == 5
    refused = request_passkey_options(logged_out_client())
    assert refused["Retry-After"] == "720"
    assert "no-store" in refused["Cache-Control"]
    assert "the limit is 5 in one hour" in refused.content.decode()
    assert "sessionid" not in refused.cookies

    assert request_passkey_options(logged_out_client(ELSEWHERE)).status_code == 200
    clock.shift(timedelta(seconds=720))
    assert request_passkey_options(logged_out_client()).status_code == 200


def test_browser_with_a_session_does_not_use_the_limit() -> None:
    browser = logged_out_client()

    assert [request_passkey_options(browser).status_code for _ in range(12)] == [
        200
    ] * 12
    assert Session.objects.count() == 1


def test_forged_session_cookie_uses_the_limit() -> None:
    browser = logged_out_client()
    answers = []
    for number in range(8):
        browser.cookies[site.SESSION_COOKIE_NAME] = f"{number:032}"
        answers.append(request_passkey_options(browser).status_code)

    assert answers == [200] * 5 + [429] * 3
    assert Session.objects.count() == 5


def test_correct_password_creates_a_limited_number_of_sessions(alice: Any) -> None:
    """This limit counts correct passwords. The limit of wrong passwords does not."""
    answers = [log_in(logged_out_client()).status_code for _ in range(8)]

    assert answers == [302] * 5 + [429] * 3
    assert Session.objects.count() == 5
    assert AuditEvent.objects.filter(kind="account.logged_in").count() == 5


def test_rate_limited_login_creates_no_session_and_no_event(alice: Any) -> None:
    for _ in range(5):
        log_in(logged_out_client())
    browser = logged_out_client()

    refused = log_in(browser)

    assert refused.status_code == 429
    assert refused["Retry-After"] == "720"
    assert site.SESSION_COOKIE_NAME not in refused.cookies
    assert Session.objects.count() == 5
    assert AuditEvent.objects.filter(kind="account.logged_in").count() == 5
    assert log_in(logged_out_client(ELSEWHERE)).status_code == 302


def test_passkey_requests_do_not_block_password_logins(alice: Any) -> None:
    while request_passkey_options(logged_out_client()).status_code == 200:
        pass

    assert log_in(logged_out_client()).status_code == 302
    assert request_passkey_options(logged_out_client()).status_code == 429


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_requests_from_other_websites_do_not_use_a_visitors_limit(site: str) -> None:
    for _ in range(8):
        refused = logged_out_client().get(
            OPTIONS, headers={"Accept": "application/json", "Sec-Fetch-Site": site}
        )
        assert refused.status_code == 403
        assert (
            "Another website tried to start a login with a passkey."
            in refused.content.decode()
        )

    assert rows()["uploads.Rate"] == 0
    own = {"Accept": "application/json", "Sec-Fetch-Site": "same-origin"}
    assert logged_out_client().get(OPTIONS, headers=own).status_code == 200


def test_requests_without_a_session_do_not_use_the_limit(alice: Any) -> None:
    for _ in range(8):
        assert logged_out_client().get(OPTIONS).status_code == 302
        cross_site = logged_out_client().get(
            OPTIONS, headers={"Sec-Fetch-Site": "cross-site"}
        )
        assert cross_site.status_code == 302
        assert (
            logged_out_client().post(OPTIONS, {"credential": "{}"}).status_code == 302
        )

    assert rows()["uploads.Rate"] == rows()["sessions.Session"] == 0


def test_login_in_an_existing_session_does_not_use_the_limit(alice: Any) -> None:
    browsers = [logged_out_client() for _ in range(5)]
    for browser in browsers:
        request_passkey_options(browser)

    assert [log_in(browser).status_code for browser in browsers] == [302] * 5
    assert Session.objects.count() == 5


@pytest.mark.shows_secrets(reason="the site's own handlers mask it: see test_logs.py")
def test_reset_link_creates_a_limited_number_of_sessions(alice: Any) -> None:
    link = reset_link(alice)

    answers = [logged_out_client().get(link).status_code for _ in range(8)]

    assert answers == [302] * 5 + [429] * 3
    assert Session.objects.count() == 5


def test_head_requests_and_invalid_reset_links_create_no_session(alice: Any) -> None:
    link = reset_link(alice)

    for _ in range(8):
        assert logged_out_client().head(link).status_code == 200
        assert logged_out_client().get("/accounts/reset/1/another/").status_code == 200

    assert not Session.objects.exists()
    assert logged_out_client().get(link).status_code == 302


def reset_link(user: Any) -> str:
    logged_out_client().post("/accounts/password_reset/", {"email": user.email})
    link = re.search(r"(/accounts/reset/\S+)", str(mail.outbox[0].body))
    assert link is not None
    return link[1]


def test_login_attempts_over_the_limit_create_no_rows_for_new_names(
    settings: Settings,
) -> None:
    settings.UPLOADS = {"RATE_LOGIN_PER_ADDRESS": "3/hour"}
    for number in range(20):
        logged_out_client().post(
            "/accounts/login/", {"username": f"name-{number}", "password": "wrong"}
        )

    # One row for the address, and one row for each of the three checked names.
    assert Rate.objects.filter(key__startswith="login:").count() == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    "is_open", [True, False], ids=["sign-up open", "sign-up closed"]
)
def test_other_requests_without_a_login_create_no_row(
    settings: Settings, bucket: Bucket, is_open: bool
) -> None:
    settings.SIGNUP_OPEN = is_open
    settings.S3_NOTIFICATIONS_SECRET = "a secret of the bucket"
    settings.UPLOADS = {"RATE_SESSION_PER_ADDRESS": "1/hour"}
    # This request uses up the limit.
    assert request_passkey_options(logged_out_client()).status_code == 200
    before = rows()

    paths = all_paths()
    assert len(paths) > 60
    for path in paths:
        for visit in (visit_page, visit_as_script, send_form, send_json):
            visit(logged_out_client(), f"/{path}")

    assert rows() == before


def visit_page(browser: Client, path: str) -> Any:
    return browser.get(path)


def visit_as_script(browser: Client, path: str) -> Any:
    return browser.get(path, headers={"Accept": "application/json"})


def send_form(browser: Client, path: str) -> Any:
    return browser.post(path, {"credential": "{}", "next": "/"})


def send_json(browser: Client, path: str) -> Any:
    return browser.post(path, {"csp-report": {}}, content_type="application/json")


def rows() -> dict[str, int]:
    """Return the number of rows of each table."""
    return {
        model._meta.label: model._default_manager.count() for model in apps.get_models()
    }
