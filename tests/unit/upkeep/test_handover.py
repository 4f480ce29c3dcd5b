"""A hand-over moves all stored files, and both quotas stay exact."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from tests.support.builders import begin, put
from uploads import lifecycle
from uploads.errors import InvalidState, QuotaExceeded
from uploads.lifecycle.reconciliation import complete
from uploads.models import AuditEvent, StorageQuota, Upload
from uploads.s3.bucket import Bucket
from uploads.upkeep import handover
from uploads.upkeep.auditing import audit
from uploads.upkeep.handover import hand_over
from uploads.upkeep.quota_drift import find_drift

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice", password="demo")


@pytest.fixture
def bob() -> User:
    return User.objects.create_user("bob", password="demo")


def stored(bucket: Bucket, owner: User, content: bytes, **facts: Any) -> Upload:
    upload = begin(owner, content, **facts)
    put(bucket, upload, content)
    complete(upload, actor=owner)
    return upload


def counts(user: User) -> tuple[int, int, int, int]:
    row = StorageQuota.objects.get(user=user)
    return row.used_bytes, row.file_count, row.reserved_bytes, row.reserved_files


def test_new_owner_gets_the_files_and_their_quota(
    bucket: Bucket, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "BATCH", 2)
    files = [stored(bucket, alice, b"x" * size) for size in (1, 2, 3)]
    begin(alice, b"unfinished")
    stored(bucket, bob, b"own")

    report = hand_over(alice, bob)

    assert report.as_dict() == {"files": 3, "byte_size": 6, "unfinished": 1}
    assert counts(alice) == (0, 0, 10, 1)
    assert counts(bob) == (9, 4, 0, 0)
    assert list(find_drift()) == []
    assert list(audit()) == []
    owners = Upload.objects.filter(pk__in=[upload.pk for upload in files])
    assert set(owners.values_list("owner", flat=True)) == {bob.pk}
    events = AuditEvent.objects.filter(kind="upload.handed_over")
    assert events.count() == 3
    assert {event.user_id for event in events} == {bob.pk}
    assert AuditEvent.objects.filter(kind="account.files_handed_over").count() == 2


def test_hand_over_that_exceeds_the_new_owners_quota_changes_nothing(
    bucket: Bucket, alice: User, bob: User
) -> None:
    stored(bucket, alice, b"x" * 10)
    StorageQuota.objects.create(user=bob, limit_bytes=9)

    with pytest.raises(QuotaExceeded):
        hand_over(alice, bob)

    assert counts(alice) == (10, 1, 0, 0)
    assert counts(bob) == (0, 0, 0, 0)
    assert list(audit()) == []


def test_files_with_the_same_idempotency_key_are_handed_over(
    bucket: Bucket, alice: User, bob: User
) -> None:
    for owner in (alice, bob):
        upload = stored(bucket, owner, b"x")
        Upload.objects.filter(pk=upload.pk).update(idempotency_key="same")

    assert hand_over(alice, bob).files == 1
    assert list(audit()) == []


def test_change_of_a_row_read_before_the_hand_over_is_refused(
    bucket: Bucket, alice: User, bob: User
) -> None:
    read_before = stored(bucket, alice, b"hello")
    also_before = Upload.objects.get(pk=read_before.pk)
    hand_over(alice, bob)

    with pytest.raises(InvalidState):
        lifecycle.remove(read_before, actor=alice)
    with pytest.raises(InvalidState):
        lifecycle.rename(also_before, "new.txt", actor=alice)

    assert counts(bob) == (5, 1, 0, 0)
    assert counts(alice) == (0, 0, 0, 0)
    assert Upload.objects.get(pk=read_before.pk).filename == "notes.txt"


def test_command_hands_over_and_prints_the_counts(
    bucket: Bucket, alice: User, bob: User, capsys: pytest.CaptureFixture[str]
) -> None:
    stored(bucket, alice, b"hello")

    call_command("hand_over", "alice", "bob", "--dry-run")
    assert json.loads(capsys.readouterr().out)["files"] == 1
    call_command("hand_over", "alice", "bob")
    call_command("hand_over", "alice", "bob")
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["files"] for line in lines if line[0] == "{"] == [1, 0]
    for names in (("alice", "nobody"), ("alice", "alice")):
        with pytest.raises(CommandError):
            call_command("hand_over", *names)


def test_list_of_a_users_files_has_only_own_files(
    bucket: Bucket,
    client: Client,
    alice: User,
    bob: User,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stored(bucket, alice, b"hello", filename="=cmd.txt")
    stored(bucket, bob, b"hello", filename="bob.txt")
    client.force_login(alice)

    answer: Any = client.get("/uploads/list.csv")
    text = answer.getvalue().decode("utf-8-sig")
    [row] = csv.DictReader(io.StringIO(text, newline=""))
    assert (row["filename"], row["byte_size"], row["state"]) == (
        "'=cmd.txt",
        "5",
        "ready",
    )
    assert "/uploads/list.csv" in client.get("/accounts/").text
    client.logout()
    assert client.get("/uploads/list.csv").status_code == 302

    capsys.readouterr()
    call_command("export_uploads", "bob")
    assert "bob.txt" in capsys.readouterr().out
