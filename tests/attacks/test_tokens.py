"""Tokens that leaked, were taken back, or were never meant to do this."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from tests.attacks.people import HELLO, Person, assert_problem
from tests.attacks.test_limits import body_for, operations
from tests.support.stages import case
from uploads.access.tokens import create_token, revoke
from uploads.models import ApiToken, AuditEvent, Scope, Upload

READING = [(method, path) for method, path in operations() if method == "GET"]
WRITING = [(method, path) for method, path in operations() if method != "GET"]


def program(secret: str, method: str, path: str, started_id: str) -> Any:
    """Send a request with nothing but the token."""
    return Person(None).call(
        method,
        path.replace("{upload_id}", started_id),
        body_for(method, path),
        Authorization=f"Bearer {secret}",
    )


def token_of(person: Person, **changes: Any) -> tuple[ApiToken, str]:
    assert person.user is not None
    return create_token(person.user, name="script", **changes)


def told_of_uploads() -> int:
    # That a token came from a new address is told as well, of the account.
    return AuditEvent.objects.filter(upload__isnull=False).count()


def test_a_token_that_may_read_changes_nothing(alice: Person) -> None:
    # The one for the dashboard is in more hands than the one for the backup.
    started = alice.upload()
    _, secret = token_of(alice, scope=Scope.READ)
    before = list(Upload.objects.values()), told_of_uploads()

    for method, path in WRITING:
        with case(method, path):
            answer = program(secret, method, path, started.id)
            told = assert_problem(answer, 403, "permission_denied")
            assert "This token has the scope read" in told["detail"]
            assert (list(Upload.objects.values()), told_of_uploads()) == before


def test_a_token_that_may_read_reads(alice: Person) -> None:
    started = alice.upload()
    _, secret = token_of(alice, scope=Scope.READ)

    for method, path in READING:
        with case(method, path):
            assert program(secret, method, path, started.id).status_code in {200, 302}


def test_no_odd_method_is_a_way_around_the_scope(alice: Person) -> None:
    started = alice.upload()
    _, secret = token_of(alice, scope=Scope.READ)

    for method in ("PUT", "OPTIONS", "TRACE", "get ", "PROPFIND"):
        with case(method):
            answer = Person(None).call(
                method, f"/uploads/{started.id}", Authorization=f"Bearer {secret}"
            )
            assert answer.status_code in {403, 405}
            assert started.row.state == "ready"


def test_no_header_turns_reading_into_writing(alice: Person) -> None:
    # Some frameworks let a GET say that it is a DELETE.
    started = alice.upload()
    _, secret = token_of(alice, scope=Scope.READ)

    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        with case(name):
            headers = {"Authorization": f"Bearer {secret}", name: "DELETE"}
            answer = Person(None).call("GET", f"/uploads/{started.id}", **headers)
            assert answer.status_code == 200
            assert started.row.state == "ready"


@pytest.mark.parametrize("end", ["revoked", "expired", "disabled", "deleted"])
def test_a_token_that_has_ended_opens_nothing(alice: Person, end: str) -> None:
    # From the next request on, not when some cache forgets it.
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
        with case(method, path):
            answer = program(secret, method, path, started.id)
            assert_problem(answer, 401, "not_authenticated")
            assert started.row.filename == "hello.txt"
            assert Upload.objects.count() == 1


@pytest.mark.parametrize("scope", Scope.values)
def test_a_token_makes_no_other_and_opens_no_page(alice: Person, scope: str) -> None:
    # Else a leaked one could outlive its own revocation, or revoke the others.
    row, secret = token_of(alice, scope=scope)
    headers = {"Authorization": f"Bearer {secret}"}
    form = {"name": "second", "scope": "write", "days": "never"}

    for path in ("/accounts/tokens/", "/accounts/tokens/revoke/", "/admin/"):
        browser = Person(None).browser
        for answer in (
            browser.get(path, headers=headers),
            browser.post(path, form, headers=headers),
        ):
            with case(path):
                assert answer.status_code == 302
                assert "login/" in answer["Location"]
                assert ApiToken.objects.get() == row
                row.refresh_from_db()
                assert row.revoked_at is None


def test_a_neighbour_revokes_no_token_of_mine(alice: Person, bob: Person) -> None:
    row, secret = token_of(alice)

    answer = bob.browser.post(f"/accounts/tokens/{row.pk}/revoke/")
    bob.browser.post("/accounts/tokens/revoke/")

    assert answer.status_code == 404
    assert program(secret, "GET", "/me", "").status_code == 200


def test_a_link_revokes_nothing(alice: Person) -> None:
    # A picture on another page is a GET with the person's cookie.
    row, secret = token_of(alice)

    for path in (f"/accounts/tokens/{row.pk}/revoke/", "/accounts/tokens/revoke/"):
        assert alice.browser.get(path).status_code == 200

    assert program(secret, "GET", "/me", "").status_code == 200


def test_staff_that_may_only_look_revokes_nothing(alice: Person, staff: Any) -> None:
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


def test_a_downgraded_reader_cannot_upgrade_itself(alice: Person) -> None:
    # The scope is the row's; nothing in a request speaks of it.
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
