"""The command erase_user deletes a person with all files, in every state."""

from __future__ import annotations

import json
from contextlib import suppress
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from tests.support.builders import (
    MIB,
    begin,
    checksum,
    let_time_pass,
    make_ready,
    put,
    quota_counts,
    send_parts,
)
from tests.support.plain_forms import begin_form, store_form_object
from tests.support.storage_faults import Killed, killed_at, s3_answers_500
from uploads import lifecycle
from uploads.access.tokens import create_token, use_token
from uploads.lifecycle import WantedPart
from uploads.models import (
    ApiToken,
    AuditEvent,
    Orphan,
    StorageQuota,
    Upload,
    UploadPolicy,
)
from uploads.s3.bucket import Bucket
from uploads.states import State
from uploads.upkeep import erasure
from uploads.upkeep.auditing import audit
from uploads.upkeep.sweeper import sweep

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

SECRET_NAME = "alice-in-wonderland.txt"


@pytest.fixture
def alice() -> Any:
    return User.objects.create_user("alice", "alice@example.org", "correct horse")


@pytest.fixture(autouse=True)
def _quarantine(settings: Any) -> None:
    settings.UPLOADS = {**settings.UPLOADS, "QUARANTINE_PREFIX": "quarantine/"}


@pytest.fixture
def bob() -> Any:
    return User.objects.create_user("bob")


def run(name: str = "alice", *arguments: str) -> tuple[dict[str, Any], int]:
    """Return the output and the exit code of the command."""
    out = StringIO()
    code = 0
    try:
        call_command("erase_user", name, *arguments, stdout=out)
    except SystemExit as end:
        code = int(end.code or 0)
    return json.loads(out.getvalue()), code


def pending(bucket: Bucket, owner: Any) -> Upload:
    return begin(owner, filename=SECRET_NAME)


def pending_with_its_bytes(bucket: Bucket, owner: Any) -> Upload:
    upload = pending(bucket, owner)
    put(bucket, upload, b"hello")
    return upload


def pending_parts(bucket: Bucket, owner: Any) -> Upload:
    content = bytes(16 * MIB + 1)
    upload = begin(owner, b"", byte_size=len(content), filename=SECRET_NAME)
    lifecycle.presign_parts(upload, [WantedPart(1, checksum(b"x"))])
    send_parts(bucket, upload, content, 1)
    # Add a multipart upload whose id was not saved in the row.
    bucket.create_multipart_upload(upload.key, content_type=upload.content_type)
    return upload


def inspecting(bucket: Bucket, owner: Any) -> Upload:
    upload = pending_with_its_bytes(bucket, owner)
    lifecycle.move(upload, State.INSPECTING)
    return upload


def ready(bucket: Bucket, owner: Any) -> Upload:
    upload = make_ready(bucket, owner)
    lifecycle.rename(upload, SECRET_NAME, actor=owner)
    return upload


def rejected(bucket: Bucket, owner: Any) -> Upload:
    upload = pending(bucket, owner)
    put(bucket, upload, b"longer than declared")
    return lifecycle.advance(upload)


def quarantined(bucket: Bucket, owner: Any) -> Upload:
    content = b"<html><script>alert(1)</script></html>"
    upload = begin(owner, content, filename=SECRET_NAME, content_type="image/png")
    put(bucket, upload, content)
    lifecycle.advance(upload)
    assert upload.quarantine_key
    return upload


def sent_by_a_form(bucket: Bucket, owner: Any) -> Upload:
    upload = begin_form(owner, filename=SECRET_NAME)
    store_form_object(bucket, upload, b"hello")
    return upload


def expired(bucket: Bucket, owner: Any) -> Upload:
    upload = pending_with_its_bytes(bucket, owner)
    lifecycle.expire(upload, reason="for a test")
    return upload


def cancelled(bucket: Bucket, owner: Any) -> Upload:
    upload = pending(bucket, owner)
    lifecycle.remove(upload, actor=owner)
    # A browser sends the bytes by a URL that is valid after the cancellation.
    put(bucket, upload, b"hello")
    return upload


def deleted(bucket: Bucket, owner: Any) -> Upload:
    upload = ready(bucket, owner)
    lifecycle.remove(upload, actor=owner)
    return upload


def form_with_its_bytes(bucket: Bucket, owner: Any) -> Upload:
    upload = begin_form(owner, 100, SECRET_NAME)
    store_form_object(bucket, upload, b"hello")
    return upload


def form_sent_again(bucket: Bucket, owner: Any) -> Upload:
    upload = lifecycle.advance(form_with_its_bytes(bucket, owner))
    store_form_object(bucket, upload, b"hello again")
    return upload


STATES = [
    pending,
    pending_with_its_bytes,
    pending_parts,
    inspecting,
    ready,
    rejected,
    quarantined,
    sent_by_a_form,
    expired,
    cancelled,
    deleted,
    form_with_its_bytes,
    form_sent_again,
]


@pytest.mark.slow
@pytest.mark.parametrize("make", STATES, ids=lambda make: make.__name__)
def test_second_run_erases_uploads_in_any_state_after_their_urls_expired(
    alice: Any, bob: Any, bucket: Bucket, make: Any
) -> None:
    upload = make(bucket, alice)
    other = make_ready(bucket, bob)
    number = alice.pk

    first, code = run()
    assert (code, first["erased"], first["waiting"]) == (1, False, 1)
    assert first["waits_until"]
    assert bucket.head_object(upload.key) is None
    assert quota_counts(alice) == (0, 0, 0, 0)
    # A browser sends the object again by an earlier URL.
    if make is sent_by_a_form:
        store_form_object(bucket, upload, b"hello")
    else:
        put(bucket, upload, b"hello")
    let_time_pass(minutes=20)
    second, code = run()

    assert (code, second["erased"], second["removed"]) == (0, True, 1)
    assert not User.objects.filter(pk=number).exists()
    assert not Upload.objects.filter(owner_id=number).exists()
    assert not StorageQuota.objects.filter(user_id=number).exists()
    keys = [entry.key for entry in bucket.list_objects("")]
    assert keys == [other.key]
    assert list(bucket.list_multipart_uploads("")) == []
    assert Upload.objects.get(pk=other.pk).state == State.READY
    assert list(audit()) == []
    assert sweep().failed == 0


def test_one_run_is_enough_if_all_urls_have_expired(alice: Any, bucket: Bucket) -> None:
    for make in STATES:
        make(bucket, alice)
    let_time_pass(minutes=20)

    report, code = run()

    assert code == 0
    assert report["uploads"] == report["removed"] == len(STATES)
    assert list(bucket.list_objects("")) == []
    assert list(audit()) == []


def test_account_without_uploads_is_erased_at_once(alice: Any) -> None:
    report, code = run()

    assert (code, report["erased"], report["uploads"]) == (0, True, 0)


def test_account_is_disabled_by_the_first_run(alice: Any, bucket: Bucket) -> None:
    alice.is_superuser = alice.is_staff = True
    alice.save()
    pending(bucket, alice)
    _, secret = create_token(alice, name="backup")
    client, stranger = Client(), Client()
    client.force_login(alice)
    stranger.force_login(User.objects.create_user("bob"))

    run()

    assert use_token(secret) is None
    assert not ApiToken.objects.filter(revoked_at=None).exists()
    assert client.get("/api/v1/me").status_code == 401
    assert stranger.get("/api/v1/me").status_code == 200
    assert Session.objects.count() == 1
    assert not Client().login(username="alice", password="correct horse")
    alice.refresh_from_db()
    rights = (alice.is_active, alice.is_staff, alice.is_superuser)
    assert rights == (False, False, False)


def test_events_are_kept_without_the_persons_data(
    alice: Any, bob: Any, bucket: Bucket, admin_client: Client, admin_user: Any
) -> None:
    client = Client(REMOTE_ADDR="203.0.113.9")
    client.force_login(alice)
    upload = ready(bucket, alice)
    client.get(f"/api/v1/uploads/{upload.pk}/download")
    Client(REMOTE_ADDR="203.0.113.9").post(
        "/accounts/login/", {"username": "alice", "password": "wrong"}
    )
    page = f"/admin/uploads/storagequota/{alice.pk}/change/"
    admin_client.post(page, {"limit_bytes": "5 GB"})
    UploadPolicy.objects.create(user=alice, max_file_size=5)
    Orphan.objects.create(
        key=upload.key,
        byte_size=5,
        modified_at=timezone.now(),
        first_seen_at=timezone.now(),
        last_seen_at=timezone.now(),
    )
    before = AuditEvent.objects.count()
    let_time_pass(minutes=20)

    assert run()[1] == 0

    rows = json.dumps(
        [*AuditEvent.objects.values(), *LogEntry.objects.values()], default=str
    )
    for trace in ("alice", "203.0.113.9", upload.key, str(upload.pk)):
        assert trace not in rows, trace
    assert AuditEvent.objects.count() > before
    quota = AuditEvent.objects.get(kind="quota.changed")
    assert (quota.actor, quota.user, quota.detail) == (admin_user, None, {})
    assert (
        quota.address == "127.0.0.1"
    )  # the address of the operator, not of the person
    assert AuditEvent.objects.filter(kind="upload.downloaded").exists()
    assert AuditEvent.objects.get(kind="account.erased").detail["uploads"] == 1
    assert not Orphan.objects.exists()


def test_events_about_other_people_are_kept_without_the_erased_operator(
    alice: Any, bob: Any, bucket: Bucket
) -> None:
    upload = make_ready(bucket, bob)
    lifecycle.rename(upload, "new.txt", actor=alice)

    assert run()[1] == 0

    event = AuditEvent.objects.get(kind="upload.renamed")
    assert (event.user, event.upload, event.actor) == (bob, upload, None)
    assert event.detail == {"from": "notes.txt", "to": "new.txt"}


def test_dry_run_changes_nothing(alice: Any, bucket: Bucket) -> None:
    upload = ready(bucket, alice)
    before = list(AuditEvent.objects.order_by("pk").values())

    report, code = run("alice", "--dry-run")

    assert (code, report["uploads"], report["events"]) == (0, 1, len(before))
    assert list(AuditEvent.objects.order_by("pk").values()) == before
    assert bucket.head_object(upload.key) is not None
    alice.refresh_from_db()
    assert alice.is_active


def test_storage_error_is_reported_and_retried_by_the_next_run(
    alice: Any, bucket: Bucket
) -> None:
    ready(bucket, alice)
    pending(bucket, alice)
    let_time_pass(minutes=20)

    with s3_answers_500(bucket, "DeleteObject"):
        report, code = run()

    assert (code, report["failed"], report["removed"]) == (1, 2, 0)
    assert User.objects.filter(pk=alice.pk, is_active=False).exists()
    report, code = run()
    assert (code, report["removed"]) == (0, 2)


def test_upload_started_during_the_erasure_is_found_by_the_next_run(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "_admin_entries", _start_during_erasure(alice, bucket))

    report, code = run()
    assert (code, report["erased"], report["failed"]) == (1, False, 1)
    monkeypatch.undo()
    let_time_pass(minutes=20)

    assert run()[1] == 0


def _start_during_erasure(owner: Any, bucket: Bucket) -> Any:
    real = erasure._admin_entries

    def start_first(user: Any) -> Any:
        begin(owner)
        return real(user)

    return start_first


def test_all_versions_of_objects_are_deleted(alice: Any, bucket: Bucket) -> None:
    bucket.client.put_bucket_versioning(
        Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"}
    )
    upload = ready(bucket, alice)
    # This stores another version without the site.
    put(bucket, upload, b"hello")
    form_sent_again(bucket, alice)
    let_time_pass(minutes=20)

    assert run()[1] == 0

    listed = bucket.client.list_object_versions(Bucket=bucket.name)
    assert {"Versions", "DeleteMarkers"} & set(listed) == set()


@pytest.mark.slow
@pytest.mark.parametrize("step", range(1, 60, 6))
def test_next_run_finishes_the_erasure_after_a_kill_at_any_s3_call(
    alice: Any, bucket: Bucket, step: int
) -> None:
    ready(bucket, alice)
    pending_parts(bucket, alice)
    let_time_pass(minutes=20)

    with suppress(Killed), killed_at(bucket, step):
        run()
    if User.objects.filter(username="alice").exists():
        assert run()[1] == 0

    assert not Upload.objects.exists()
    assert list(bucket.list_objects("")) == []
    assert list(bucket.list_multipart_uploads("")) == []
    rows = json.dumps(list(AuditEvent.objects.values()), default=str)
    assert SECRET_NAME not in rows


def test_unknown_account_is_an_error() -> None:
    with pytest.raises(CommandError, match="no user 'nobody'") as refusal:
        run("nobody")

    assert refusal.value.returncode == 2
