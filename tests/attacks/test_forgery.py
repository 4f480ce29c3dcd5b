"""Forged requests: CSRF, redirects, Host headers, sessions and notifications."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as site
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client

from tests.attacks.people import HELLO, Person, assert_problem, declaration
from tests.support.routes import all_paths
from uploads.access.tokens import create_token
from uploads.models import StorageQuota, Upload
from uploads.states import State

if TYPE_CHECKING:
    from pytest_django import Settings

PASSWORD = "correct horse battery"
EVIL = "https://evil.example"


@pytest.fixture
def victim(alice: Person) -> Person:
    """Return a browser in which Alice is logged in, with CSRF checks."""
    return Person(alice.user, enforce_csrf_checks=True)


FROM_ELSEWHERE = [
    {},
    {"Origin": EVIL},
    {"Origin": "null"},
    {"Referer": f"{EVIL}/"},
    {"X-CSRFToken": "a" * 64},
    {"X-CSRFToken": ""},
    {"X-Requested-With": "XMLHttpRequest"},
    {"Authorization": ""},
]


def test_page_of_another_site_cannot_change_anything_by_the_api(
    alice: Person, victim: Person, subtests: pytest.Subtests
) -> None:
    # The browser also sends the session cookie with requests from pages of other sites.
    started = alice.start()

    for method, path in (
        ("POST", "/uploads"),
        ("POST", "/uploads/batch"),
        ("POST", "/uploads/complete-batch"),
        ("POST", f"/uploads/{started.id}/complete"),
        ("POST", f"/uploads/{started.id}/parts"),
        ("PATCH", f"/uploads/{started.id}"),
        ("DELETE", f"/uploads/{started.id}"),
    ):
        with subtests.test(method=method, path=path):
            for headers in FROM_ELSEWHERE:
                answer = victim.call(method, path, declaration(HELLO), **headers)
                assert_problem(answer, 403, "csrf_failed")
            assert Upload.objects.count() == 1
            assert started.row.state == State.PENDING
            assert started.row.filename == "hello.txt"


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ],
)
def test_form_content_types_are_refused_by_the_api(
    alice: Person, content_type: str
) -> None:
    # A page of any site may send these three types to our site without a CORS
    # preflight.
    answer = alice.browser.generic(
        "POST", "/api/v1/uploads", json.dumps(declaration(HELLO)), content_type
    )

    assert_problem(answer, 422, "invalid_request")
    assert not Upload.objects.exists()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS", "TRACE"])
def test_methods_other_than_post_start_no_upload(alice: Person, method: str) -> None:
    # A link or an image on another site must not reserve quota.
    answer = alice.call(method, "/uploads?filename=a&byte_size=5", declaration(HELLO))

    assert answer.status_code in {200, 405}
    assert not Upload.objects.exists()


def test_form_of_another_site_cannot_change_anything_on_pages(
    alice: Person, victim: Person, subtests: pytest.Subtests
) -> None:
    # Our pages accept forms, and another site can send a form to the same URL.
    started = alice.upload()
    form = {"filename": "x", "action": "remove", "_selected_action": started.id}

    for path in (
        f"/uploads/{started.id}/delete/",
        f"/uploads/{started.id}/rename/",
        "/accounts/logout/",
        "/accounts/password_change/",
        "/accounts/sessions/end/",
        "/accounts/reauthenticate/",
        "/accounts/2fa/totp/deactivate/",
        "/accounts/2fa/recovery-codes/generate/",
        "/admin/uploads/upload/",
    ):
        with subtests.test(path=path):
            answer = victim.browser.post(path, form, headers={"Origin": EVIL})
            assert answer.status_code in {302, 403}
            kept = (started.row.state, started.row.filename)
            assert kept == (State.READY, "hello.txt")
            assert victim.browser.get("/").status_code == 200


def test_form_of_another_site_cannot_log_a_person_in(alice: Person) -> None:
    # A victim who is logged in as the attacker would upload to the attacker's account.
    browser = Client(enforce_csrf_checks=True)

    answer = browser.post(
        "/accounts/login/",
        {"username": "alice", "password": PASSWORD},
        headers={"Origin": EVIL},
    )

    assert answer.status_code == 403
    assert "sessionid" not in browser.cookies


@pytest.mark.parametrize(
    "target",
    [
        EVIL,
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https:evil.example",
        "http:///evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        " //evil.example",
        "\t//evil.example",
        "//evil.example@testserver/",
        "https://testserver@evil.example",
        "/%09/evil.example",
        "///evil.example",
    ],
)
@pytest.mark.parametrize("page", ["/accounts/login/", "/admin/login/"])
def test_login_does_not_redirect_to_another_site(page: str, target: str) -> None:
    # If the login page redirected to other sites, a link to the real login page could
    # lead to a false login page.
    User.objects.create_superuser("operator", password=PASSWORD)
    browser = Client()

    answer = browser.post(
        f"{page}?next={target}",
        {"username": "operator", "password": PASSWORD, "next": target},
    )

    assert answer.status_code == 302
    location = answer["Location"]
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))


def test_download_redirects_only_to_the_bucket(
    alice: Person, settings: Settings, subtests: pytest.Subtests
) -> None:
    # The download is a redirect, so the query must not influence its target.
    path = f"/uploads/{alice.upload().id}/download"

    for query in ("next", "redirect", "url", "return_to", "inline"):
        with subtests.test(query=query):
            answer = alice.call("GET", f"{path}?{query}=1&url={EVIL}")
            assert answer["Location"].startswith(f"{settings.S3_ENDPOINT_URL}/slipway/")
            assert "evil" not in answer["Location"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "testserver@evil.example"},
        {"Host": "testserver.evil.example"},
        {"Host": "testserver:80#evil"},
        {"Host": ""},
    ],
    ids=str,
)
def test_unknown_host_is_refused(alice: Person, headers: dict[str, str]) -> None:
    # Django builds the links in mails from the Host header.
    assert alice.user is not None
    User.objects.filter(pk=alice.user.pk).update(email="alice@example.org")

    page = Client().post(
        "/accounts/password_reset/", {"email": "alice@example.org"}, headers=headers
    )
    answer = alice.browser.get("/api/v1/me", headers=headers)

    assert page.status_code == 400
    assert_problem(answer, 400, "invalid_request")
    assert mail.outbox == []


@pytest.mark.parametrize("name", ["X-Forwarded-Host", "Forwarded", "X-Original-URL"])
def test_forwarded_host_is_ignored(alice: Person, name: str) -> None:
    # If the link in a password reset mail named the attacker's host, one click would
    # send the reset token to the attacker.
    assert alice.user is not None
    User.objects.filter(pk=alice.user.pk).update(email="alice@example.org")

    Client().post(
        "/accounts/password_reset/",
        {"email": "alice@example.org"},
        headers={name: "evil.example"},
    )

    assert "evil.example" not in mail.outbox[0].body
    assert "http://testserver/accounts/reset/" in mail.outbox[0].body


def test_login_changes_the_session_and_the_csrf_token(alice: Person) -> None:
    # Otherwise an attacker could set a session cookie before the login and use the
    # session after it.
    browser = Client()
    browser.get("/accounts/login/")
    session = browser.session
    session["planted"] = True
    session.save()
    browser.cookies[site.SESSION_COOKIE_NAME] = session.session_key or ""
    csrf = browser.cookies[site.CSRF_COOKIE_NAME].value

    browser.post("/accounts/login/", {"username": "alice", "password": PASSWORD})

    assert browser.cookies[site.SESSION_COOKIE_NAME].value != session.session_key
    assert browser.cookies[site.CSRF_COOKIE_NAME].value != csrf
    assert Client().get("/").status_code == 302


def test_logout_deletes_the_session_on_the_server(alice: Person) -> None:
    # A copied cookie must not work after the logout.
    copied = Client()
    copied.cookies[site.SESSION_COOKIE_NAME] = alice.browser.cookies[
        site.SESSION_COOKIE_NAME
    ].value
    assert copied.get("/").status_code == 200

    alice.browser.post("/accounts/logout/")

    assert copied.get("/").status_code == 302


def test_password_change_ends_all_other_sessions(alice: Person) -> None:
    # People change their password if they believe that somebody has stolen a session.
    stolen = Person(alice.user)
    alice.browser.post(
        "/accounts/password_change/",
        {
            "oldpassword": PASSWORD,
            "password1": "another horse battery",
            "password2": "another horse battery",
        },
    )

    assert_problem(stolen.call("GET", "/me"), 401, "not_authenticated")
    assert alice.call("GET", "/me").status_code == 200


def test_request_with_a_wrong_token_does_not_use_the_session(
    alice: Person, subtests: pytest.Subtests
) -> None:
    # If a request has a wrong token, the site must not use its session cookie instead.
    assert alice.user is not None
    row, secret = create_token(alice.user, name="script")

    for number, sent in enumerate(
        (
            "Bearer",
            "Bearer ",
            "Bearer wrong",
            "Basic YWxpY2U6cA==",
            f"Token {secret}",
            f"bearer  {secret}",
            f"Bearer {secret}x",
            f"Bearer {secret.upper()}",
            secret,
            f"Bearer {row.digest}",
            "Bearer \udcff",
            "Bearer ' OR 1=1 --",
        )
    ):
        with subtests.test(number=number):
            answer = alice.browser.get("/api/v1/me", HTTP_AUTHORIZATION=sent)
            assert_problem(answer, 401, "not_authenticated")
    assert alice.call("GET", "/me").status_code == 200


@pytest.mark.parametrize("debug", [True, False])
def test_token_with_a_wrong_scheme_is_not_logged(
    alice: Person, settings: Settings, caplog: pytest.LogCaptureFixture, debug: bool
) -> None:
    # Clients often send a valid token with a wrong scheme. If the site logged the
    # header, the log would contain a valid token.
    settings.DEBUG = debug
    assert alice.user is not None
    _, secret = create_token(alice.user, name="script")

    alice.browser.get("/api/v1/me", HTTP_AUTHORIZATION=f"Token {secret}")

    assert secret not in caplog.text


SECRET = "a shared secret"


def test_notification_without_the_secret_is_refused(
    alice: Person, stranger: Person, settings: Settings, subtests: pytest.Subtests
) -> None:
    # A notification causes requests to S3, and its answer shows which keys are known.
    settings.S3_NOTIFICATIONS_SECRET = SECRET
    started = alice.start()
    event = _event(started.row.key)

    for sent in (
        "",
        "Bearer",
        "Bearer ",
        f"Basic {SECRET}",
        SECRET,
        f"Bearer {SECRET[:-1]}",
        f"Bearer {SECRET}x",
        f"Bearer {SECRET.upper()}",
        f"Token {SECRET}",
        "Bearer \xff\xfe",
        f"Bearer x,Bearer {SECRET}",
    ):
        with subtests.test(sent=sent):
            answer = stranger.browser.post(
                "/hooks/s3", event, "application/json", HTTP_AUTHORIZATION=sent
            )
            assert answer.status_code == 401
            assert started.row.state == State.PENDING


def test_notifications_are_refused_when_no_secret_is_set(
    stranger: Person, settings: Settings
) -> None:
    # An empty secret would match an empty header.
    settings.S3_NOTIFICATIONS_SECRET = ""

    for sent in ("", "Bearer ", "Bearer"):
        answer = stranger.browser.post(
            "/hooks/s3", b"{}", "application/json", HTTP_AUTHORIZATION=sent
        )
        assert answer.status_code == 404


@pytest.mark.parametrize("times", [1, 3])
def test_forged_notification_does_not_complete_an_upload(
    alice: Person, stranger: Person, settings: Settings, times: int
) -> None:
    # The site must check with the bucket that the object exists.
    settings.S3_NOTIFICATIONS_SECRET = SECRET
    started = alice.start()

    for _ in range(times):
        answer = stranger.browser.post(
            "/hooks/s3",
            _event(started.row.key),
            "application/json",
            HTTP_AUTHORIZATION=f"Bearer {SECRET}",
        )
        assert answer.status_code == 200

    assert started.row.state == State.PENDING
    assert StorageQuota.objects.get(user=alice.user).used_bytes == 0


def test_all_pages_except_public_ones_require_a_login(stranger: Person) -> None:
    # A new view must require a login by default.
    open_to_all = {
        "accounts/inactive/",
        "accounts/login/",
        "accounts/logout/",
        "accounts/password_reset/",
        "accounts/password_reset/done/",
        "accounts/reset/done/",
        "accounts/reset/x/x/",
        "admin/login/",
        "healthz",
        "readyz",
    }
    seen = set()
    for path in all_paths():
        answer = stranger.browser.get(f"/{path}")
        seen.add(path)
        if path in open_to_all:
            continue
        assert answer.status_code in {302, 401, 404, 405}, (path, answer.status_code)
        if answer.status_code == 302:
            assert "/login/" in answer["Location"], path
    assert open_to_all <= seen


def test_personal_answers_are_not_cached_by_proxies(
    alice: Person, subtests: pytest.Subtests
) -> None:
    # A proxy that caches a personal answer would serve the answer to another person.
    started = alice.upload()

    for path in (
        "/",
        f"/uploads/{started.id}/",
        "/api/v1/me",
        "/api/v1/uploads",
        "/api/v1/docs",
        f"/api/v1/uploads/{started.id}",
        f"/api/v1/uploads/{started.id}/download",
        "/admin/",
    ):
        with subtests.test(path=path):
            assert "no-store" in alice.browser.get(path)["Cache-Control"]


@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/accounts/login/", "/api/v1/me", "/healthz"]
)
def test_all_answers_have_the_security_headers(alice: Person, path: str) -> None:
    # If one page lacks these headers, browsers permit framing and MIME sniffing of this
    # page, or leak its URL as a referrer.
    answer = alice.browser.get(path)

    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in answer["Permissions-Policy"]
    for directive in (
        "default-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "object-src 'none'",
        "form-action 'self'",
        "script-src 'self'",
    ):
        assert directive in answer["Content-Security-Policy"]
    assert "*" not in answer["Content-Security-Policy"]


def _event(key: str) -> str:
    entity = {"bucket": {"name": "slipway"}, "object": {"key": key}}
    return json.dumps(
        {"Records": [{"eventName": "s3:ObjectCreated:Put", "s3": entity}]}
    )
