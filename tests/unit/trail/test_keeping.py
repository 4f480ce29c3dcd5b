"""Test the export of the audit trail, and the deletion of old events."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.support.builders import begin, declare, let_time_pass, make_ready
from uploads import lifecycle
from uploads.models import AuditEvent
from uploads.models.event import changeable_events
from uploads.s3.bucket import Bucket
from uploads.trail import export as exporting
from uploads.trail import retention

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def run(command: str, *arguments: str) -> str:
    out = StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def exported(*arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run("export_events", *arguments).splitlines()]


def create_event(kind: str = "account.logged_in", **facts: Any) -> AuditEvent:
    return AuditEvent.objects.create(kind=kind, **facts)


def age(days: float) -> None:
    with changeable_events("retention") as rows:
        rows.update(at=timezone.now() - timedelta(days=days))


# Export


def test_exported_line_has_all_fields_with_stable_names(
    alice: Any, bucket: Bucket
) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    with changeable_events("erasure") as rows:
        rows.filter(kind="upload.started").update(
            at=NOON, address="2001:db8::1", request_id="r" * 32, detail={"a": "é"}
        )
    event = AuditEvent.objects.get(kind="upload.started")

    [line] = exported("--kind", "upload.started")

    assert line == {
        "id": event.pk,
        "at": "2026-03-01T12:00:00+00:00",
        "kind": "upload.started",
        "actor_id": alice.pk,
        "actor": "alice",
        "user_id": alice.pk,
        "user": "alice",
        "upload_id": str(upload.pk),
        "request_id": "r" * 32,
        "address": "2001:db8::1",
        "detail": {"a": "é"},
    }


def test_export_is_in_order_of_ids_and_resumes_after_an_id() -> None:
    rows = [create_event(at=NOON + timedelta(hours=n)) for n in range(5)]
    ids = [row.pk for row in rows]

    assert [line["id"] for line in exported()] == ids
    assert [line["id"] for line in exported("--after", str(ids[2]))] == ids[3:]
    assert exported("--after", str(ids[-1])) == []


def test_export_filters_by_time_kind_and_account(alice: Any) -> None:
    rows = [
        create_event("quota.changed", at=NOON + timedelta(days=n)) for n in range(4)
    ]
    mine = create_event("token.created", at=NOON, user=alice)
    done = create_event("policy.changed", at=NOON, actor=alice)

    def ids(*arguments: str) -> list[int]:
        kinds = ("--kind", "quota.changed", "--kind", "token.created")
        return [line["id"] for line in exported(*kinds, *arguments)]

    quotas = [row.pk for row in rows]
    assert ids("--since", "2026-03-02") == quotas[1:]
    assert ids("--since", "2026-03-02T13:00:00Z", "--until", "2026-03-04") == [
        quotas[2]
    ]
    assert ids("--since", "2030-01-01") == []
    assert ids("--user", "alice") == [mine.pk]
    assert done.pk in [line["id"] for line in exported("--user", "alice")]


def test_export_without_until_leaves_out_the_last_minute() -> None:
    event = create_event()

    assert exported() == []
    later = (timezone.now() + timedelta(minutes=1)).isoformat()
    assert [line["id"] for line in exported("--until", later)] == [event.pk]


def test_export_reads_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "BATCH", 10)
    AuditEvent.objects.bulk_create(
        AuditEvent(kind="account.logged_in", at=NOON) for _ in range(35)
    )

    with CaptureQueriesContext(connection) as queries:
        first = next(exporting.export())
        assert len(queries) == 1
        lines = exported()

    assert [line["id"] for line in lines] == sorted(line["id"] for line in lines)
    assert len(lines) == 35
    assert lines[0] == first
    assert all("LIMIT 10" in q["sql"] for q in queries)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--since", "yesterday"), "--since yesterday is not a time"),
        (("--until", "2026-13-45"), "--until 2026-13-45 is not a time"),
        (("--user", "nobody"), "There is no user 'nobody'"),
    ],
)
def test_invalid_options_of_export_are_explained(
    arguments: tuple[str, ...], words: str
) -> None:
    with pytest.raises(CommandError, match=words):
        run("export_events", *arguments)


# Retention


def test_pruning_deletes_old_events_and_records_it() -> None:
    create_event()
    create_event()
    age(days=100)
    young = create_event()

    output = run("prune_events", "--older-than", "90")

    assert output.startswith("2 events from before ")
    assert [row.kind for row in AuditEvent.objects.order_by("id")] == [
        young.kind,
        "trail.pruned",
    ]
    detail = AuditEvent.objects.get(kind="trail.pruned").detail
    assert detail["count"] == 2
    assert detail["from"] <= detail["to"] < young.at.isoformat()


def test_dry_run_of_pruning_deletes_nothing() -> None:
    create_event()
    age(days=100)

    assert "1 events" in run("prune_events", "--older-than", "90", "--dry-run")
    assert [row.kind for row in AuditEvent.objects.all()] == ["account.logged_in"]


def test_pruning_keeps_events_of_uploads_that_may_have_an_object(
    alice: Any, bucket: Bucket
) -> None:
    ready = make_ready(bucket, alice)
    pending = begin(alice)
    waiting = begin(alice)
    lifecycle.remove(waiting)  # before its URL expires
    purged = begin(alice)
    let_time_pass(hours=2)
    lifecycle.remove(purged)
    age(days=100)

    run("prune_events", "--older-than", "90")

    assert [row.events.exists() for row in (ready, pending, waiting, purged)] == [
        True,
        True,
        True,
        False,
    ]
    run("prune_events", "--older-than", "90", "--all")
    assert not AuditEvent.objects.exclude(kind="trail.pruned").exists()


def test_pruning_records_each_batch_separately(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "BATCH", 4)
    AuditEvent.objects.bulk_create(
        # All events have the same time, so a batch can end only between two ids.
        AuditEvent(kind="account.logged_in", at=NOON)
        for _ in range(10)
    )

    run("prune_events", "--older-than", "90")

    pruned = AuditEvent.objects.filter(kind="trail.pruned").order_by("id")
    assert [event.detail["count"] for event in pruned] == [4, 4, 2]
    assert AuditEvent.objects.count() == 3


@pytest.mark.parametrize("days", ["29", "0", "-1"])
def test_pruning_of_recent_events_is_refused(days: str) -> None:
    create_event()

    with pytest.raises(CommandError, match="at least 30 days"):
        run("prune_events", "--older-than", days)

    assert AuditEvent.objects.count() == 1


def test_force_permits_pruning_of_recent_events() -> None:
    create_event(at=timezone.now() - timedelta(minutes=1))

    run("prune_events", "--older-than", "0", "--force")

    assert [row.kind for row in AuditEvent.objects.all()] == ["trail.pruned"]
