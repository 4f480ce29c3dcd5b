"""On PostgreSQL, a trigger protects events against SQL that does not use our code."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.db import IntegrityError, connection, models, transaction

from uploads.models import AuditEvent
from uploads.models.event import changeable_events
from uploads.trail.writing import record


@pytest.fixture
def event(alice: Any) -> AuditEvent:
    record("quota.changed", user=alice, actor=alice, detail={"limit": 1})
    return AuditEvent.objects.get(kind="quota.changed")


def execute(sql: str) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.rowcount)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE uploads_auditevent SET kind = 'x'",
        "UPDATE uploads_auditevent SET at = now()",
        "UPDATE uploads_auditevent SET detail = '{}'",
        "UPDATE uploads_auditevent SET address = '203.0.113.9'",
        "UPDATE uploads_auditevent SET request_id = 'x'",
        "UPDATE uploads_auditevent SET id = id + 1000",
        "UPDATE uploads_auditevent SET kind = 'x', actor_id = NULL",
        "DELETE FROM uploads_auditevent",
    ],
)
def test_sql_cannot_change_events(event: AuditEvent, sql: str) -> None:
    before = list(AuditEvent.objects.order_by("pk").values())

    with pytest.raises(IntegrityError, match="append-only"):
        execute(sql)

    assert list(AuditEvent.objects.order_by("pk").values()) == before


def test_sql_cannot_change_the_account_of_an_event(
    event: AuditEvent, django_user_model: Any
) -> None:
    bob = django_user_model.objects.create_user("bob")

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        models.QuerySet(AuditEvent).update(actor=bob)


def test_deleting_an_account_keeps_its_events(alice: Any, event: AuditEvent) -> None:
    alice.delete()

    left = AuditEvent.objects.get(pk=event.pk)
    assert (left.user, left.actor, left.detail) == (None, None, {"limit": 1})


@pytest.mark.parametrize("purpose", ["retention", "erasure"])
def test_changeable_events_permits_changes_in_one_transaction(
    event: AuditEvent, purpose: Any
) -> None:
    with changeable_events(purpose) as events:
        events.filter(pk=event.pk).update(detail={})
        events.exclude(pk=event.pk).delete()

    assert AuditEvent.objects.get().detail == {}
    with pytest.raises(IntegrityError, match="append-only"):
        execute("DELETE FROM uploads_auditevent")


def test_permission_ends_with_its_block_in_a_larger_transaction(
    event: AuditEvent,
) -> None:
    with transaction.atomic():
        with changeable_events("retention"):
            pass
        with (
            pytest.raises(IntegrityError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute("DELETE FROM uploads_auditevent")


def test_permission_ends_after_an_error(event: AuditEvent) -> None:
    with suppress(RuntimeError), changeable_events("erasure") as events:
        events.all().delete()
        raise RuntimeError

    assert AuditEvent.objects.filter(pk=event.pk).exists()
    with pytest.raises(IntegrityError, match="append-only"):
        execute("DELETE FROM uploads_auditevent")
