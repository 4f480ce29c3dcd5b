"""Attacks with leaked, revoked, expired or read-only tokens."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from tests.attacks.people import HELLO, Person, assert_problem
from tests.attacks.test_limits import body_for, operations
from uploads.access.tokens import create_token, revoke
from uploads.models import ApiToken, AuditEvent, Scope, Upload

READING = [(method, path) for method, path in operations() if method == "GET"]
WRITING = [(method, path) for method, path in operations() if method != "GET"]


def program(secret: str, method: str, path: str, started_id: str) -> Any:
    """Send a request with the token and without a session."""
    return Person(None).call(
        method,
        path.replace("{upload_id}", started_id),
        body_for(method, path),
        Authorization=f"Bearer {secret}",
    )


def token_of(person: Person, **changes: Any) -> tuple[ApiToken, str]:
    assert person.user is not None
    return create_token(person.user, name="script", **changes)


def upload_events() -> int:
    # The trail also has events of the account, for example when a token is used from a
    # new address.
    return AuditEvent.objects.filter(upload__isnull=False).count()


def test_read_only_token_cannot_change_anything(
    alice: Person, subtests: pytest.Subtests
) -> None:
    # More people may have a read-only token than a token with the scope `write`.
    started = alice.upload()
    _, secret = token_of(alice, scope=Scope.READ)
    before = list(Upload.objects.values()), upload_events()

    for method, path in WRITING:
        with subtests.test(method=method, path=path):
            answer = program(secret, method, path, started.id)
            received = assert_problem(answer, 403, "permission_denied")
            assert "This token has the scope read" in received["detail"]
            assert (list(Upload.objects.values()), upload_events()) == before


def test_read_only_token_can_read(alice: Person, subtests: pytest.Subtests) -> None:
    started = alice.upload()
    _, secret = token_of(alice, scope=Scope.READ)

    for method, path in READING:
        with subtests.test(method=method, path=path):
            assert program(secret, method, path, started.id).status_code in {200, 302}


def test_unusual_methods_do_not_bypass_the_scope(
    alice: Person, subtests: pytest.Subtests
) -> None:
    started = alice.upload()
    _, secret = token_of(alice, scope=Scope.READ)

    for method in ("PUT", "OPTIONS", "TRACE", "get ", "PROPFIND"):
        with subtests.test(method=method):
            answer = Person(None).call(
                method, f"/uploads/{started.id}", Authorization=f"Bearer {secret}"
            )
            assert answer.status_code in {403, 405}
            assert started.row.state == "ready"


def test_method_override_headers_are_ignored(
    alice: Person, subtests: pytest.Subtests
) -> None:
    # Some frameworks accept a header that turns a GET into a DELETE.
    started = alice.upload()
    _, secret = token_of(alice, scope=Scope.READ)

    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        with subtests.test(name=name):
            headers = {"Authorization": f"Bearer {secret}", name: "DELETE"}
            answer = Person(None).call("GET", f"/uploads/{started.id}", **headers)
            assert answer.status_code == 200
            assert started.row.state == "ready"


@pytest.mark.parametrize("end", ["revoked", "expired", "disabled", "deleted"])
def test_revoked_or_expired_token_is_refused(
    alice: Person, end: str, subtests: pytest.Subtests
) -> None:
    # The site must refuse the next request, without a delay by a cache.
    started = alice.upload()
    row, secret = token_of(alice)
    assert program(secret, "GET", "/me", "").status_code == 200
    if end == "revoked":
        revoke(row)
    elif end == "expired":
        ApiToken.objects.filter(pk=row.pk).update(expires_at=timezone.now())
    elif end == "disabled":
        User.objects.filter(pk=row.user_id).update(is_active=False)
    else:
        row.delete()

    for method, path in operations():
        with subtests.test(method=method, path=path):
            answer = program(secret, method, path, started.id)
            assert_problem(answer, 401, "not_authenticated")
            assert started.row.filename == "hello.txt"
            assert Upload.objects.count() == 1


@pytest.mark.parametrize("scope", Scope.values)
def test_token_cannot_create_tokens_or_open_pages(
    alice: Person, scope: str, subtests: pytest.Subtests
) -> None:
    # Otherwise an attacker with a leaked token could create another token or revoke
    # tokens.
    row, secret = token_of(alice, scope=scope)
    headers = {"Authorization": f"Bearer {secret}"}
    form = {"name": "second", "scope": "write", "days": "never"}

    for path in ("/accounts/tokens/", "/accounts/tokens/revoke/", "/admin/"):
        browser = Person(None).browser
        for answer in (
            browser.get(path, headers=headers),
            browser.post(path, form, headers=headers),
        ):
            with subtests.test(path=path):
                assert answer.status_code == 302
                assert "login/" in answer["Location"]
                assert ApiToken.objects.get() == row
                row.refresh_from_db()
                assert row.revoked_at is None


def test_person_cannot_revoke_a_token_of_another_person(
    alice: Person, bob: Person
) -> None:
    row, secret = token_of(alice)

    answer = bob.browser.post(f"/accounts/tokens/{row.pk}/revoke/")
    bob.browser.post("/accounts/tokens/revoke/")

    assert answer.status_code == 404
    assert program(secret, "GET", "/me", "").status_code == 200


def test_get_request_cannot_revoke_a_token(alice: Person) -> None:
    # An image on another site can cause a GET with the person's cookie.
    row, secret = token_of(alice)

    for path in (f"/accounts/tokens/{row.pk}/revoke/", "/accounts/tokens/revoke/"):
        assert alice.browser.get(path).status_code == 200

    assert program(secret, "GET", "/me", "").status_code == 200


def test_staff_with_view_permission_cannot_revoke_a_token(
    alice: Person, staff: Any
) -> None:
    row, secret = token_of(alice)
    person = staff("view_apitoken", "add_apitoken", "change_apitoken")

    person.browser.post(
        "/admin/uploads/apitoken/",
        {"action": "revoke_chosen", "_selected_action": [row.pk]},
    )
    person.browser.post(
        f"/admin/uploads/apitoken/{row.pk}/change/", {"scope": "write", "name": "x"}
    )

    assert program(secret, "GET", "/me", "").status_code == 200
    assert ApiToken.objects.get().name == "script"


def test_request_cannot_raise_the_scope_of_a_token(alice: Person) -> None:
    # The site reads the scope from the row, and never from the request.
    started = alice.upload()
    _, secret = token_of(alice, scope=Scope.READ)

    for path in (f"/uploads/{started.id}?scope=write", f"/uploads/{started.id}"):
        answer = Person(None).call(
            "PATCH",
            path,
            {"filename": "new.txt", "scope": "write"},
            Authorization=f"Bearer {secret}",
            X_Scope="write",
        )
        assert_problem(answer, 403, "permission_denied")

    assert alice.download(started).body == HELLO
