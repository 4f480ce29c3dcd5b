"""The sweeper warns owners by mail before a retention rule deletes their files."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import Group, User
from django.core import mail
from django.db import IntegrityError, transaction
from django.utils import timezone

from tests.support.builders import begin, put
from uploads.lifecycle.reconciliation import complete
from uploads.models import (
    AuditEvent,
    RetentionNotice,
    RetentionRule,
    StorageQuota,
    Upload,
)
from uploads.s3.bucket import Bucket
from uploads.states import State
from uploads.upkeep import retention
from uploads.upkeep.auditing import audit
from uploads.upkeep.handover import hand_over
from uploads.upkeep.sweeper import sweep

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def owner() -> User:
    return User.objects.create_user("owner", "owner@example.com", "demo")


def stored(bucket: Bucket, owner: User, *, days: float, **facts: Any) -> Upload:
    """Return a file that was stored ``days`` ago."""
    upload = begin(owner, b"hello", filename=facts.pop("filename", "notes.txt"))
    put(bucket, upload, b"hello")
    complete(upload, actor=owner)
    completed_at = timezone.now() - days * DAY
    past = {"completed_at": completed_at, "urls_expire_at": completed_at, **facts}
    Upload.objects.filter(pk=upload.pk).update(**past)
    upload.refresh_from_db()
    return upload


def rule(**facts: Any) -> RetentionRule:
    return RetentionRule.objects.create(
        **{"name": "rule", "days": 30, "warn_days": 7, **facts}
    )


def sweep_after(time: timedelta) -> Any:
    """Sweep after ``time`` has passed."""
    later = timezone.now() + time

    with mock.patch("django.utils.timezone.now", return_value=later):
        return retention.apply_retention(limit=500)


def test_owner_is_warned_and_the_file_is_deleted_on_its_day(
    bucket: Bucket, owner: User
) -> None:
    rule()
    old = stored(bucket, owner, days=23, filename="old.txt")
    young = stored(bucket, owner, days=20)

    assert sweep().warned == 1
    [message] = mail.outbox
    assert message.to == ["owner@example.com"]
    assert message.subject == "One of your files will be deleted"
    day = RetentionNotice.objects.get().delete_at
    assert day is not None
    assert abs(day - (timezone.now() + 7 * DAY)) < timedelta(hours=1)
    assert f"- old.txt (5 bytes), on {day:%-d %B %Y}" in str(message.body)
    assert sweep().warned == 0
    assert sweep_after(5 * DAY).deleted == 0
    assert sweep_after(7 * DAY + timedelta(hours=1)).deleted == 1

    old.refresh_from_db()
    young.refresh_from_db()
    assert old.state == State.DELETED
    assert bucket.head_object(old.key) is None
    assert young.state == State.READY
    event = AuditEvent.objects.get(kind="upload.retired")
    assert event.detail == {"rule": "rule"}
    sweep()
    assert list(audit()) == []


def test_owner_of_a_file_older_than_a_new_rule_is_warned_first(
    bucket: Bucket, owner: User
) -> None:
    ancient = stored(bucket, owner, days=500)
    rule()

    counts = retention.apply_retention(limit=500)
    assert (counts.warned, counts.deleted) == (1, 0)
    assert sweep_after(6 * DAY).deleted == 0
    assert sweep_after(7 * DAY + timedelta(minutes=1)).deleted == 1
    ancient.refresh_from_db()
    assert ancient.state == State.DELETED


def test_file_is_not_deleted_while_the_warning_cannot_be_sent(
    bucket: Bucket, owner: User
) -> None:
    rule()
    stored(bucket, owner, days=100)
    with mock.patch.object(retention, "send_mail", side_effect=OSError("no server")):
        assert sweep_after(timedelta()).warned == 0
        assert sweep_after(60 * DAY).deleted == 0

    assert sweep_after(60 * DAY).warned == 1
    assert len(mail.outbox) == 1


def test_two_sweepers_send_one_mail(bucket: Bucket, owner: User) -> None:
    rule()
    stored(bucket, owner, days=100)
    during: list[int] = []

    def send(*arguments: Any) -> None:
        during.append(retention.apply_retention(limit=500).warned)

    with mock.patch.object(retention, "send_mail", send):
        assert retention.apply_retention(limit=500).warned == 1
    assert during == [0]


def test_owner_of_many_files_gets_one_mail(bucket: Bucket, owner: User) -> None:
    rule()
    for number in range(3):
        stored(bucket, owner, days=25 + number, filename=f"file{number}.txt")

    assert sweep().warned == 3
    [message] = mail.outbox
    assert message.subject == "3 of your files will be deleted"
    assert all(f"file{number}.txt" in message.body for number in range(3))


def test_file_is_kept_if_its_rule_changes_after_the_warning(
    bucket: Bucket, owner: User
) -> None:
    made = rule()
    upload = stored(bucket, owner, days=29)
    sweep()
    RetentionRule.objects.filter(pk=made.pk).update(days=300)

    assert sweep_after(10 * DAY).deleted == 0
    assert not RetentionNotice.objects.exists()
    upload.refresh_from_db()
    assert upload.state == State.READY


def test_rule_that_is_switched_off_deletes_nothing(bucket: Bucket, owner: User) -> None:
    made = rule()
    stored(bucket, owner, days=29)
    sweep()
    RetentionRule.objects.filter(pk=made.pk).update(is_active=False)

    assert sweep_after(10 * DAY).deleted == 0
    assert sweep_after(10 * DAY).warned == 0


def test_rule_applies_only_to_its_group_and_type(bucket: Bucket, owner: User) -> None:
    team = Group.objects.create(name="team")
    member = User.objects.create_user("member", "member@example.com", "demo")
    member.groups.add(team)
    mine = stored(bucket, member, days=29, detected_type="video/mp4")
    stored(bucket, member, days=29, detected_type="image/png")
    stored(bucket, owner, days=29, detected_type="video/mp4")
    found = rule(group=team, content_type="video/*")
    exact = rule(content_type="image/png")
    every = rule()

    assert [u.pk for u in retention.files_of(found)] == [mine.pk]
    assert retention.files_of(exact).count() == 1
    assert retention.files_of(every).count() == 3


def test_shortest_rule_applies(bucket: Bucket, owner: User) -> None:
    rule(name="long", days=300)
    rule(name="short", days=20)
    stored(bucket, owner, days=400)
    sweep()

    assert RetentionNotice.objects.get().rule.name == "short"


def test_file_of_an_owner_without_a_mail_address_is_deleted_on_its_day(
    bucket: Bucket,
) -> None:
    nobody = User.objects.create_user("nobody", password="demo")
    rule()
    stored(bucket, nobody, days=29)

    assert sweep().warned == 1
    assert mail.outbox == []
    assert sweep_after(8 * DAY).deleted == 1


def test_dry_run_sends_no_mail(bucket: Bucket, owner: User) -> None:
    rule()
    stored(bucket, owner, days=29)

    assert sweep(dry_run=True).warned == 0
    assert mail.outbox == []


def test_database_refuses_a_rule_that_deletes_without_an_earlier_warning() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        rule(days=7, warn_days=7)


def test_file_handed_over_during_the_sweep_is_kept(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = User.objects.create_user("other")
    StorageQuota.objects.create(user=owner, used_bytes=5, file_count=1)
    now = timezone.now()
    file = Upload.objects.create(
        owner=owner,
        state=State.READY,
        key="uploads/x",
        filename="notes.txt",
        byte_size=5,
        content_type="text/plain",
        transport="put",
        part_size=5,
        created_at=now - 40 * DAY,
        completed_at=now - 40 * DAY,
        expires_at=now - 39 * DAY,
    )
    RetentionNotice.objects.create(
        upload=file, rule=rule(), warned_at=now - 8 * DAY, delete_at=now - DAY
    )
    files_of = retention.files_of

    def hands_over(rule: RetentionRule) -> Any:
        if RetentionNotice.objects.filter(warned_at__isnull=False).exists():
            hand_over(owner, other)
        return files_of(rule)

    monkeypatch.setattr(retention, "_notice", lambda *_: None)
    monkeypatch.setattr(retention, "files_of", hands_over)

    assert retention.apply_retention(limit=500).deleted == 0
    file.refresh_from_db()
    assert (file.state, file.owner_id) == (State.READY, other.pk)
