"""No code changes or deletes an event, except through ``changeable_events``."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from django.core import serializers
from django.db import IntegrityError, transaction
from django.test import Client

from uploads.models import AuditEvent
from uploads.models.event import changeable_events
from uploads.trail import writing as trail

pytestmark = pytest.mark.django_db

APP = Path(trail.__file__).parents[1]


@pytest.fixture
def event() -> AuditEvent:
    return AuditEvent.objects.create(kind="account.logged_in")


def stored(event: AuditEvent) -> str:
    return AuditEvent.objects.get(pk=event.pk).kind


WAYS_TO_CHANGE: dict[str, Any] = {
    "save": lambda event: event.save(),
    "save of one field": lambda event: event.save(update_fields=["kind"]),
    "raw save": lambda event: event.save_base(raw=True),
    "save of a copy read again": lambda event: AuditEvent.objects.get(
        pk=event.pk
    ).save(),
    "update": lambda event: AuditEvent.objects.update(kind="x"),
    "filtered update": lambda event: AuditEvent.objects.filter(pk=event.pk).update(
        kind="x"
    ),
    "bulk update": lambda event: AuditEvent.objects.bulk_update([event], ["kind"]),
    "update or create": lambda event: AuditEvent.objects.update_or_create(
        pk=event.pk, defaults={"kind": "x"}
    ),
    "upsert": lambda event: AuditEvent.objects.bulk_create(
        [AuditEvent(pk=event.pk, kind="x")],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["kind"],
    ),
    "delete": lambda event: event.delete(),
    "delete of all": lambda event: AuditEvent.objects.all().delete(),
    "filtered delete": lambda event: AuditEvent.objects.filter(pk=event.pk).delete(),
}


@pytest.mark.parametrize("way", WAYS_TO_CHANGE)
def test_every_way_to_change_an_event_raises_type_error(
    event: AuditEvent, way: str
) -> None:
    event.kind = "x"

    with pytest.raises(TypeError, match="append-only"), transaction.atomic():
        WAYS_TO_CHANGE[way](event)

    assert stored(event) == "account.logged_in"


def test_saving_an_event_with_an_existing_id_overwrites_nothing(
    event: AuditEvent,
) -> None:
    # Without our own check, Django's save would update the row with this id.
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEvent(pk=event.pk, kind="x").save()
    [copy] = serializers.deserialize(
        "json", serializers.serialize("json", [event]).replace("logged_in", "x")
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        copy.save()

    assert stored(event) == "account.logged_in"


def test_api_has_no_route_to_an_event(event: AuditEvent) -> None:
    client = Client()

    for method in ("get", "post", "put", "patch", "delete"):
        answer = getattr(client, method)(f"/api/v1/events/{event.pk}")
        assert answer.status_code in {401, 404}

    assert stored(event) == "account.logged_in"


def test_deleting_an_account_keeps_its_events(django_user_model: Any) -> None:
    bob = django_user_model.objects.create_user("bob")
    event = AuditEvent.objects.create(kind="account.logged_in", user=bob, actor=bob)

    bob.delete()

    left = AuditEvent.objects.get(pk=event.pk)
    assert (left.kind, left.user, left.actor) == ("account.logged_in", None, None)


def test_changeable_events_permits_update_and_delete(event: AuditEvent) -> None:
    with changeable_events("erasure") as events:
        events.filter(pk=event.pk).update(detail={"erased": True})
    assert AuditEvent.objects.get(pk=event.pk).detail == {"erased": True}

    with changeable_events("retention") as events:
        events.filter(pk=event.pk).delete()
    assert not AuditEvent.objects.filter(pk=event.pk).exists()


def test_only_retention_and_erasure_import_changeable_events() -> None:
    knowing = {
        str(path.relative_to(APP))
        for path in APP.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.ImportFrom) and "changeable_events" in _names(node))
        or (isinstance(node, ast.Attribute) and node.attr == "_base_manager")
    }

    assert knowing == {"trail/retention.py", "upkeep/erasure.py"}


def _names(node: ast.ImportFrom) -> set[str]:
    return {alias.name for alias in node.names}
