"""The API accepts sessions and tokens, and hides the uploads of other people."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from tests.support.api_calls import CHECKSUM, HELLO, MIB, Call, assert_problem, caller
from uploads import lifecycle
from uploads.access.tokens import create_token
from uploads.models import Upload
from uploads.s3.bucket import Bucket

pytestmark = pytest.mark.django_db


SOME_ID = "6d1f0a52-0c41-4a86-9d3f-0d6a2d1f5d11"


@pytest.fixture
def bob(django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("bob")


VERBS = [
    ("GET", ""),
    ("PATCH", ""),
    ("DELETE", ""),
    ("POST", "/parts"),
    ("GET", "/parts"),
    ("POST", "/complete"),
    ("GET", "/download"),
]

BODIES = {
    ("PATCH", ""): {"filename": "mine.txt"},
    ("POST", "/parts"): {"parts": [{"part_number": 1, "checksum_sha256": CHECKSUM}]},
}


@pytest.mark.parametrize(("method", "tail"), VERBS)
def test_upload_of_another_person_gets_the_answer_for_an_unknown_id(
    call: Call, bob: Any, method: str, tail: str
) -> None:
    theirs = lifecycle.start(
        owner=bob,
        declaration=lifecycle.Declaration("b.bin", 20 * MIB, "text/plain"),
    )
    body = BODIES.get((method, tail))

    foreign = call(method, f"/uploads/{theirs.pk}{tail}", body)
    missing = call(method, f"/uploads/{uuid.uuid4()}{tail}", body)

    assert_problem(foreign, 404, "not_found")
    assert foreign.json() == missing.json()
    theirs.refresh_from_db()
    assert (theirs.state, theirs.filename) == ("pending", "b.bin")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/me"),
        ("GET", "/uploads"),
        ("POST", "/uploads"),
        ("POST", "/uploads/batch"),
        ("POST", "/uploads/complete-batch"),
        ("GET", "/openapi.json"),
        *((method, f"/uploads/{SOME_ID}{tail}") for method, tail in VERBS),
    ],
)
def test_request_without_a_login_gets_401(
    db: None, bucket: Bucket, method: str, path: str
) -> None:
    assert_problem(caller(Client())(method, path, {}), 401, "not_authenticated")


def test_change_by_session_requires_the_csrf_token(alice: Any, bucket: Bucket) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    client.get("/accounts/login/")

    refused = caller(client)("POST", "/uploads", HELLO)
    token = "a" * 32
    client.cookies["csrftoken"] = token
    admitted = caller(client)("POST", "/uploads", HELLO, X_CSRFToken=token)

    assert_problem(refused, 403, "csrf_failed")
    assert admitted.status_code == 201


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/uploads"), ("POST", "/uploads")]
)
def test_request_from_a_page_of_another_account_is_refused(
    alice: Any, bob: Any, bucket: Bucket, method: str, path: str
) -> None:
    client = Client()
    client.force_login(bob)
    body = HELLO if method == "POST" else None

    refused = caller(client)(method, path, body, X_Slipway_User=str(alice.pk))
    admitted = caller(client)(method, path, body, X_Slipway_User=str(bob.pk))

    assert_problem(refused, 401, "not_authenticated")
    assert "Another account" in refused.json()["detail"]
    assert admitted.status_code in {200, 201}
    assert Upload.objects.filter(owner=alice).count() == 0


def test_valid_token_needs_no_csrf_token_and_wrong_token_gets_401(
    alice: Any, bucket: Bucket
) -> None:
    _, secret = create_token(alice, name="script")
    _, expired = create_token(
        alice, name="old", expires_at=timezone.now() - timedelta(seconds=1)
    )
    client = Client(enforce_csrf_checks=True)
    admitted = caller(client)(
        "POST", "/uploads", HELLO, Authorization=f"Bearer {secret}"
    )
    client.force_login(alice)

    assert admitted.status_code == 201
    for bad in (expired, "slipway_nonsense", ""):
        refused = caller(client)("GET", "/me", Authorization=f"Bearer {bad}")
        assert_problem(refused, 401, "not_authenticated")


def test_disabled_account_is_refused_at_once(
    call: Call, alice: Any, bucket: Bucket
) -> None:
    _, secret = create_token(alice, name="script")
    alice.is_active = False
    alice.save()

    assert_problem(call("GET", "/me"), 401, "not_authenticated")
    refused = caller(Client())("GET", "/me", Authorization=f"Bearer {secret}")
    assert_problem(refused, 401, "not_authenticated")


def test_database_error_while_loading_a_session_is_answered_503(
    alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    client = Client(raise_request_exception=False)
    client.force_login(alice)
    monkeypatch.setattr(SessionStore, "load", fail)

    answer = caller(client)("GET", "/uploads")

    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Retry-After"] == "5"
    assert "database" in answer.json()["detail"]
