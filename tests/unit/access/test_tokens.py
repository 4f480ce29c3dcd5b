"""Test scope, expiry, revocation and audit events of API tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction

from uploads.access.tokens import create_token, revoke, revoke_all, use_token
from uploads.models import ApiToken, AuditEvent, Scope

pytestmark = pytest.mark.django_db

NOON = datetime(2031, 5, 5, 12, tzinfo=UTC)


@pytest.fixture
def bob(django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("bob")


def test_token_has_the_scope_write_by_default(alice: Any) -> None:
    assert create_token(alice, name="backup")[0].scope == "write"
    assert create_token(alice, name="report", scope=Scope.READ)[0].scope == "read"


def test_database_refuses_an_unknown_scope(alice: Any) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        create_token(alice, name="root", scope="admin")

    assert not AuditEvent.objects.filter(kind="token.created").exists()


def test_token_expires_at_the_exact_time(alice: Any) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        row, secret = create_token(
            alice, name="short", expires_at=NOON + timedelta(days=7)
        )
        clock.shift(timedelta(days=7, microseconds=-1))
        assert (use_token(secret), row.is_live) == (row, True)
        clock.shift(timedelta(microseconds=1))
        assert (use_token(secret), row.is_live) == (None, False)


def test_revoked_token_is_refused_and_its_row_kept(alice: Any) -> None:
    row, secret = create_token(alice, name="backup")

    assert revoke(row, actor=alice)
    assert not revoke(row, actor=alice)

    row.refresh_from_db()
    assert use_token(secret) is None
    assert row.revoked_at is not None
    assert not row.is_live
    assert AuditEvent.objects.filter(kind="token.revoked").count() == 1


def test_all_tokens_of_one_person_can_be_revoked(alice: Any, bob: Any) -> None:
    mine = [create_token(alice, name=str(n))[1] for n in range(3)]
    revoke(ApiToken.objects.get(name="0"))
    other = create_token(bob, name="other")[1]

    assert revoke_all(alice) == 2

    assert [use_token(secret) for secret in mine] == [None] * 3
    assert use_token(other) is not None


def test_tokens_of_a_disabled_account_are_refused(alice: Any) -> None:
    _, secret = create_token(alice, name="backup")
    alice.is_active = False
    alice.save()

    assert use_token(secret) is None


def test_second_use_of_a_token_within_a_minute_writes_nothing(
    alice: Any, django_assert_num_queries: Any
) -> None:
    token, secret = create_token(alice, name="backup")
    with time_machine.travel(NOON, tick=False) as clock:
        use_token(secret)
        clock.shift(59)
        with django_assert_num_queries(1):
            assert use_token(secret) == token
        clock.shift(2)
        use_token(secret)

    token.refresh_from_db()
    assert token.last_used_at == NOON + timedelta(seconds=61)


def test_events_name_actor_and_token_without_the_secret(alice: Any, bob: Any) -> None:
    row, secret = create_token(
        alice, name="backup", scope=Scope.READ, expires_at=NOON, actor=bob
    )
    revoke(row, actor=alice)

    made, revoked = AuditEvent.objects.filter(kind__startswith="token.").order_by("id")
    assert (made.kind, made.user, made.actor) == ("token.created", alice, bob)
    assert made.detail == {
        "token": row.pk,
        "name": "backup",
        "scope": "read",
        "expires_at": "2031-05-05T12:00:00+00:00",
    }
    assert (revoked.kind, revoked.user, revoked.actor) == (
        "token.revoked",
        alice,
        alice,
    )
    assert revoked.detail == {"token": row.pk, "name": "backup"}
    for text in (str(made.detail), str(revoked.detail)):
        assert secret not in text
        assert row.digest not in text
