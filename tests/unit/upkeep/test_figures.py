"""The hourly sums agree with the uploads, and jobs record their last run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.support.builders import begin, put
from uploads import lifecycle
from uploads.models import AuditEvent, HourlyFigure, JobReport
from uploads.s3.bucket import Bucket
from uploads.s3.notifications import parse_notification
from uploads.upkeep.figures import HOUR, remember_notification, roll_up
from uploads.upkeep.site_figures import site_figures
from uploads.upkeep.sweeper import sweep

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
def owner() -> User:
    return User.objects.create_user("owner", password="demo")


def event(kind: str, at: datetime, owner: User, **facts: Any) -> AuditEvent:
    upload = begin(owner, b"hello")
    type(upload).objects.filter(pk=upload.pk).update(**facts)
    AuditEvent.objects.create(kind=kind, upload=upload, at=at)
    return AuditEvent.objects.latest("pk")


def figures() -> set[tuple[Any, ...]]:
    rows = HourlyFigure.objects.filter(hour__lt=NOON + timedelta(days=2))
    return set(rows.values_list("hour", "state", "transport", "cause", "uploads"))


def test_events_of_each_hour_are_added_up_once(bucket: Bucket, owner: User) -> None:
    for minutes in (0, 59):
        event("upload.ready", NOON + timedelta(minutes=minutes), owner)
    event("upload.renamed", NOON, owner)
    event("upload.rejected", NOON + HOUR, owner, rejected_cause="malware")
    event("upload.ready", NOON + 30 * HOUR, owner)

    for _ in range(3):
        roll_up(now=NOON + 40 * HOUR, hours=2)

    assert figures() == {
        (NOON, "ready", "put", "", 2),
        (NOON + HOUR, "rejected", "put", "malware", 1),
        (NOON + 30 * HOUR, "ready", "put", "", 1),
    }
    assert HourlyFigure.objects.get(hour=NOON).byte_size == 10


def test_event_written_after_the_first_sum_of_an_hour_is_counted(
    bucket: Bucket, owner: User
) -> None:
    event("upload.ready", NOON, owner)
    roll_up(now=NOON + timedelta(minutes=50))
    event("upload.ready", NOON + timedelta(minutes=49), owner)
    roll_up(now=NOON + timedelta(minutes=65))

    assert figures() == {(NOON, "ready", "put", "", 2)}


def test_cost_of_a_pass_does_not_grow_with_the_history(
    bucket: Bucket, owner: User
) -> None:
    for hours in range(50):
        event("upload.ready", NOON + hours * HOUR, owner)
    now = NOON + 50 * HOUR
    roll_up(now=now)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        roll_up(now=now)

    assert len(queries) <= 20


def test_sweeps_audits_and_notifications_record_their_last_run(
    bucket: Bucket, owner: User
) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key="uploads/stray", Body=b"x")
    sweep()
    with pytest.raises(SystemExit):
        call_command("audit")
    remember_notification(2.5)
    # The site ignores this value, because it stores only one value every NOTED_EVERY.
    remember_notification(9.0)

    found = {(f.name, *f.labels): f.value for f in site_figures()}
    assert found["slipway_site_audit_orphans",] == 1
    assert found["slipway_site_audit_differences",] == 1
    assert found["slipway_site_orphans",] == 1
    assert found["slipway_site_sweep_rows", "young_orphans"] == 1
    assert found["slipway_site_job_age_seconds", "sweep"] < 60
    assert found["slipway_site_job_seconds", "sweep"] > 0
    assert found["slipway_site_notification_delay_seconds",] == 2.5
    assert 0 <= found["slipway_site_notification_age_seconds",] < 60


def test_dry_run_records_no_run(bucket: Bucket, owner: User) -> None:
    sweep(dry_run=True)

    assert not JobReport.objects.exists()
    assert not HourlyFigure.objects.exists()


def test_figures_of_the_site_agree_with_its_uploads(
    bucket: Bucket, owner: User
) -> None:
    ready = begin(owner, b"hello")
    put(bucket, ready, b"hello")
    lifecycle.advance(ready, actor=owner)
    pending = begin(owner, b"four")
    created_at = timezone.now() - timedelta(hours=2)
    type(pending).objects.filter(pk=pending.pk).update(
        created_at=created_at, expires_at=timezone.now() - timedelta(minutes=1)
    )
    roll_up()

    with CaptureQueriesContext(connection) as queries:
        found = {(f.name, *f.labels): f.value for f in site_figures()}

    assert len(queries) <= 8
    assert found["slipway_site_files",] == 1
    assert found["slipway_site_used_bytes",] == 5
    assert found["slipway_site_reserved_bytes",] == 4
    assert found["slipway_site_unfinished_uploads", "pending"] == 1
    assert found["slipway_site_unfinished_bytes", "pending"] == 4
    assert found["slipway_site_unfinished_uploads", "inspecting"] == 0
    assert 7100 < found["slipway_site_oldest_unfinished_seconds", "pending"] < 7300
    assert found["slipway_site_overdue_uploads",] == 1
    assert found["slipway_site_upload_moves", "ready", "put", ""] == 1
    assert found["slipway_site_upload_moves", "pending", "put", ""] == 2
    assert found["slipway_site_upload_bytes", "ready", "put"] == 5


@pytest.mark.parametrize(
    "message",
    [
        (
            b'{"Records": [{"eventName": "ObjectCreated:Put", "eventTime": '
            b'"2026-05-04T12:00:00.000Z", "s3": {"bucket": {"name": "b"}, "object": '
            b'{"key": "k"}}}]}'
        ),
        (
            b'{"detail-type": "Object Created", "time": "2026-05-04T12:00:00Z", "detail": '
            b'{"bucket": {"name": "b"}, "object": {"key": "k"}}}'
        ),
        (
            b'{"action": "PutObject", "bucket": "b", "object": {"key": "k"}, "eventTime": '
            b'"2026-05-04T12:00:00"}'
        ),
    ],
)
def test_time_of_a_notifications_event_is_recorded(message: bytes) -> None:
    [created] = parse_notification(message)

    assert created.at == NOON


def test_notification_with_an_unreadable_time_is_processed() -> None:
    [created] = parse_notification(
        b'{"action": "PutObject", "object": {"key": "k"}, "eventTime": ["x"]}'
    )

    assert created.at is None
