"""An operator releases a file from quarantine as a new upload of the same owner."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client

from tests.support.builders import (
    begin,
    event_kinds,
    let_time_pass,
    make_ready,
    put,
    quota_counts,
)
from tests.support.inspectors import Unavailable, entries
from tests.support.storage_faults import Killed, killed_at, s3_answers_500
from uploads import lifecycle
from uploads.api.presenting import release_state
from uploads.errors import InvalidState, QuotaExceeded, StorageUnavailable
from uploads.inspection.verdicts import MALWARE, NOT_SCANNED
from uploads.lifecycle import releasing
from uploads.lifecycle.quarantine import empty_quarantine
from uploads.lifecycle.reconciliation import complete
from uploads.models import StorageQuota, Upload
from uploads.s3.bucket import Bucket
from uploads.states import State, Transport
from uploads.upkeep.auditing import audit
from uploads.upkeep.erasure import erase
from uploads.upkeep.sweeper import sweep

CONTENT = b"harmless, whatever the rule says"
LIST = "/admin/uploads/upload/"


@pytest.fixture
def operator(db: None) -> Any:
    return User.objects.create_superuser("operator")


@pytest.fixture(autouse=True)
def _quarantine(settings: Any) -> None:
    settings.UPLOADS = {**settings.UPLOADS, "QUARANTINE_PREFIX": "quarantine/"}
    settings.INSPECTORS = entries("Refusing")


def create_rejected(bucket: Bucket, owner: Any) -> Upload:
    upload = begin(owner, CONTENT, filename="a.txt", relative_path="b/a.txt")
    put(bucket, upload, CONTENT)
    lifecycle.advance(upload)
    assert upload.state == State.REJECTED
    return upload


@pytest.fixture
def rejected(bucket: Bucket, alice: Any) -> Upload:
    return create_rejected(bucket, alice)


def release(upload: Upload, operator: Any) -> Upload:
    made = lifecycle.begin_release(upload, actor=operator)
    return complete(made, actor=operator)


def test_release_is_a_new_upload_of_the_same_owner(
    bucket: Bucket, rejected: Upload, operator: Any, alice: Any
) -> None:
    made = release(rejected, operator)

    rejected.refresh_from_db()
    assert (rejected.state, rejected.released_as) == (State.REJECTED, made)
    assert made.key != rejected.key
    assert (made.state, made.owner, made.released_from) == (
        State.READY,
        alice,
        rejected,
    )
    assert (made.filename, made.relative_path) == ("a.txt", "b/a.txt")
    stored = bucket.read_range(made.key, 0, 1000)
    assert hashlib.sha256(stored).digest() == hashlib.sha256(CONTENT).digest()
    assert quota_counts(alice) == (len(CONTENT), 0, 1, 0)
    assert event_kinds(made) == ["upload.started", "upload.inspecting", "upload.ready"]
    event = rejected.events.get(kind="upload.released")
    assert (event.actor, event.user) == (operator, alice)
    assert event.detail == {"released_as": str(made.pk), "operator": "operator"}
    assert list(audit()) == []


def test_second_release_returns_the_upload_of_the_first_release(
    bucket: Bucket, rejected: Upload, operator: Any, alice: Any
) -> None:
    stale = Upload.objects.get(pk=rejected.pk)

    first, second = release(rejected, operator), release(stale, operator)

    assert first == second
    assert Upload.objects.count() == 2
    assert quota_counts(alice) == (len(CONTENT), 0, 1, 0)
    assert event_kinds(rejected).count("upload.released") == 1


def test_concurrent_release_returns_the_upload_of_the_other_release(
    bucket: Bucket,
    rejected: Upload,
    operator: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create = releasing._create
    winner: list[Upload] = []

    def release_meanwhile(rejected: Upload, actor: Any) -> Upload:
        monkeypatch.setattr(releasing, "_create", create)
        stale = Upload.objects.get(pk=rejected.pk)
        winner.append(create(Upload.objects.get(pk=rejected.pk), actor))
        return create(stale, actor)

    monkeypatch.setattr(releasing, "_create", release_meanwhile)

    assert lifecycle.begin_release(rejected, actor=operator) == winner[0]
    assert Upload.objects.count() == 2


def test_release_over_the_quota_is_refused_and_changes_nothing(
    bucket: Bucket, rejected: Upload, operator: Any, alice: Any
) -> None:
    StorageQuota.objects.filter(user=alice).update(limit_bytes=3)

    with pytest.raises(QuotaExceeded) as refusal:
        release(rejected, operator)

    assert "quota of the file's owner does not allow" in refusal.value.detail
    rejected.refresh_from_db()
    assert rejected.released_as is None
    assert Upload.objects.count() == 1
    assert quota_counts(alice) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"rejected_cause": MALWARE}, "Malware was found"),
        (
            {
                "rejected_cause": "",
                "rejected_reason": "It holds what ClamAV knows as Eicar.",
            },
            "Malware was found",
        ),
        ({"quarantine_key": ""}, "No copy of this file"),
        ({"quarantine_key": "quarantine/gone"}, "no longer in quarantine"),
        ({"state": State.DELETED}, "Only rejected uploads can be released"),
        ({"rejected_cause": MALWARE}, "Malware was found in this file"),
        ({"rejected_cause": "own_cause"}, "with the cause 'own_cause'. Files with"),
        ({"byte_size": 5 * 1000**3 + 1}, "too large to be released"),
    ],
)
def test_upload_that_cannot_be_released_is_refused(
    bucket: Bucket, rejected: Upload, operator: Any, facts: Any, words: str
) -> None:
    Upload.objects.update(**facts)
    rejected.refresh_from_db()

    with pytest.raises(InvalidState) as refusal:
        release(rejected, operator)

    assert words in refusal.value.detail
    assert Upload.objects.count() == 1


def test_release_of_an_object_too_large_for_a_copy_is_not_offered(
    rejected: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lifecycle.may_be_released(rejected)

    rejected.byte_size = 5 * 1000**3 + 1

    assert not lifecycle.may_be_released(rejected)


def test_release_is_not_offered_without_quarantine(
    bucket: Bucket, alice: Any, settings: Any
) -> None:
    settings.UPLOADS = {**settings.UPLOADS, "QUARANTINE_PREFIX": ""}

    upload = create_rejected(bucket, alice)

    assert not lifecycle.may_be_released(upload)
    with pytest.raises(InvalidState):
        lifecycle.request_release(upload, actor=alice)


def test_refused_upload_without_a_recorded_cause_can_be_released(
    bucket: Bucket, rejected: Upload, operator: Any
) -> None:
    Upload.objects.update(rejected_cause="")

    assert release(rejected, operator).state == State.READY


def test_release_is_rejected_if_an_inspector_now_finds_malware(
    bucket: Bucket, rejected: Upload, operator: Any, alice: Any, settings: Any
) -> None:
    settings.INSPECTORS = entries("Refusing", "Malware")

    made = release(rejected, operator)

    assert (made.state, made.rejected_cause) == (State.REJECTED, MALWARE)
    assert not lifecycle.may_be_released(made)
    assert quota_counts(alice) == (0, 0, 0, 0)
    assert list(audit()) == []


def test_release_of_an_unscanned_file_is_rejected_for_its_content(
    bucket: Bucket, rejected: Upload, operator: Any
) -> None:
    Upload.objects.update(rejected_cause=NOT_SCANNED)

    made = release(rejected, operator)

    assert (made.state, made.rejected_cause) == (State.REJECTED, "content")


def test_failed_release_can_be_repeated(
    bucket: Bucket, rejected: Upload, operator: Any, settings: Any
) -> None:
    lifecycle.request_release(rejected, actor=rejected.owner)
    settings.INSPECTORS = entries("Malware")
    failed = release(rejected, operator)
    rejected.refresh_from_db()
    assert release_state(rejected) == "requested"
    settings.INSPECTORS = entries("Refusing")

    made = release(rejected, operator)

    rejected.refresh_from_db()
    assert failed.state == State.REJECTED
    assert (made.state, rejected.released_as) == (State.READY, made)


def test_release_waits_for_an_unavailable_inspector(
    bucket: Bucket,
    rejected: Upload,
    operator: Any,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.INSPECTORS = entries("Refusing", "Unavailable")
    monkeypatch.setattr(Unavailable, "is_unavailable", True)
    assert release(rejected, operator).state == State.INSPECTING
    monkeypatch.setattr(Unavailable, "is_unavailable", False)

    let_time_pass(minutes=10)
    sweep()

    rejected.refresh_from_db()
    assert rejected.released_as is not None
    assert rejected.released_as.state == State.READY


def test_sweeper_finishes_a_release_after_storage_errors(
    bucket: Bucket, rejected: Upload, operator: Any, alice: Any
) -> None:
    with s3_answers_500(bucket, "CopyObject"), pytest.raises(StorageUnavailable):
        release(rejected, operator)
    let_time_pass(minutes=10)

    sweep()

    made = Upload.objects.get(released_from=rejected)
    assert made.state == State.READY
    assert quota_counts(alice) == (len(CONTENT), 0, 1, 0)


@pytest.mark.slow
def test_release_can_be_finished_after_a_kill_at_any_s3_call(
    bucket: Bucket, operator: Any, alice: Any
) -> None:
    died, step = True, 0
    while died:
        step += 1
        assert step < 100
        rejected = create_rejected(bucket, alice)
        died = False
        try:
            with killed_at(bucket, step):
                release(rejected, operator)
        except Killed:
            died = True
        let_time_pass(minutes=10)

        sweep()

        made = Upload.objects.filter(released_from=rejected)
        assert [row.state for row in made] in ([], [State.READY]), step
        assert list(audit()) == []
        made_now = release(rejected, operator)
        assert made_now.state == State.READY
        assert event_kinds(rejected).count("upload.released") == 1
        assert quota_counts(alice) == (step * len(CONTENT), 0, step, 0)
    assert step > 10, "The test has found too few calls to prove anything."


def test_release_expires_if_the_quarantined_copy_is_missing(
    bucket: Bucket, rejected: Upload, operator: Any, alice: Any
) -> None:
    made = lifecycle.begin_release(rejected, actor=operator)
    empty_quarantine(rejected)

    with pytest.raises(InvalidState):
        complete(made, actor=operator)

    made.refresh_from_db()
    assert made.state == State.EXPIRED
    assert quota_counts(alice) == (0, 0, 0, 0)


def test_owner_gets_no_upload_urls_for_a_released_file(
    bucket: Bucket, rejected: Upload, operator: Any
) -> None:
    made = lifecycle.begin_release(rejected, actor=operator)
    assert made.transport == Transport.COPY

    with pytest.raises(InvalidState):
        lifecycle.presign(made)
    with pytest.raises(InvalidState):
        lifecycle.presign_parts(made, [lifecycle.WantedPart(1, "")])
    with pytest.raises(InvalidState):
        lifecycle.presign_form(made, redirect_url="https://example.org/")


def test_owner_can_cancel_a_release(
    bucket: Bucket, rejected: Upload, operator: Any, alice: Any
) -> None:
    made = lifecycle.begin_release(rejected, actor=operator)

    lifecycle.remove(made, actor=alice)

    assert made.state == State.CANCELLED
    assert quota_counts(alice) == (0, 0, 0, 0)
    assert list(audit()) == []


def test_owner_can_request_a_release_once(
    bucket: Bucket, rejected: Upload, alice: Any, client: Client
) -> None:
    client.force_login(alice)
    address = f"/api/v1/uploads/{rejected.pk}"
    assert client.get(address).json()["release"] == "possible"

    answers = [client.post(f"{address}/request-release") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].json()["release"] == "requested"
    event = rejected.events.get(kind="upload.release_requested")
    assert event.actor == alice


def test_api_links_the_release_and_the_refused_upload(
    bucket: Bucket, rejected: Upload, operator: Any, alice: Any, client: Client
) -> None:
    made = release(rejected, operator)
    client.force_login(alice)

    old, new = (
        client.get(f"/api/v1/uploads/{upload.pk}").json() for upload in (rejected, made)
    )

    assert (old["state"], old["release"]) == ("rejected", "released")
    assert (old["released_as"], new["released_from"]) == (
        str(made.pk),
        str(rejected.pk),
    )
    assert (new["state"], new["transport"]) == ("ready", "copy")


def test_request_for_an_impossible_release_is_refused(
    bucket: Bucket, rejected: Upload, alice: Any, client: Client, settings: Any
) -> None:
    settings.INSPECTORS = []
    ready = make_ready(bucket, alice)
    Upload.objects.filter(pk=rejected.pk).update(rejected_cause=MALWARE)
    client.force_login(alice)
    for upload in (ready, rejected):
        answer = client.post(f"/api/v1/uploads/{upload.pk}/request-release")
        assert (answer.status_code, answer.json()["code"]) == (409, "invalid_state")
    client.force_login(User.objects.create_user("mallory"))
    answer = client.post(f"/api/v1/uploads/{rejected.pk}/request-release")
    assert answer.status_code == 404


def test_page_offers_a_request_and_links_to_the_release(
    bucket: Bucket, rejected: Upload, alice: Any, operator: Any, client: Client
) -> None:
    client.force_login(alice)
    address = f"/uploads/{rejected.pk}/"
    assert "Ask for release" in client.get(address).content.decode()

    page = client.post(f"{address}request-release/", follow=True).content.decode()
    assert "You have asked the operators to release this file." in page
    assert "Ask for release" not in page
    made = release(rejected, operator)

    page = client.get(address).content.decode()
    assert f'href="/uploads/{made.pk}/"' in page
    assert "The site has created a new upload for the released file." in page
    page = client.get(f"/uploads/{made.pk}/").content.decode()
    assert f'href="{address}"' in page
    # The page of the release must not show the reason of the refusal.
    assert rejected.rejected_reason not in page
    assert "Checked and stored by an administrator</span>" in page


def test_operator_finds_requests_and_releases_in_the_admin(
    bucket: Bucket, rejected: Upload, alice: Any, admin_client: Client
) -> None:
    lifecycle.request_release(rejected, actor=alice)
    other = create_rejected(bucket, alice)
    page = admin_client.get(LIST, {"inspection": "requested"})
    assert list(page.context["cl"].result_list) == [rejected]
    change = admin_client.get(f"{LIST}{rejected.pk}/change/").content.decode()
    assert 'value="release"' in change

    answer = admin_client.post(
        LIST,
        {"action": "release", "_selected_action": [rejected.pk, other.pk]},
        follow=True,
    )

    assert "The file is released, and its owner can " in answer.content.decode()
    page = admin_client.get(LIST, {"inspection": "requested"})
    assert list(page.context["cl"].result_list) == []
    page = admin_client.get(LIST, {"inspection": "released"})
    assert set(page.context["cl"].result_list) == {rejected, other}
    change = admin_client.get(f"{LIST}{rejected.pk}/change/").content.decode()
    rejected.refresh_from_db()
    assert f"/admin/uploads/upload/{rejected.released_as_id}/change/" in change
    assert 'value="release"' not in change


def test_admin_can_continue_a_release_whose_copy_has_failed(
    bucket: Bucket, rejected: Upload, operator: Any, admin_client: Client
) -> None:
    with s3_answers_500(bucket, "CopyObject"), pytest.raises(StorageUnavailable):
        release(rejected, operator)

    change = admin_client.get(f"{LIST}{rejected.pk}/change/").content.decode()

    assert 'value="release"' in change


def test_operator_without_permission_cannot_release(
    bucket: Bucket, rejected: Upload, client: Client
) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_upload"))
    client.force_login(viewer)

    client.post(LIST, {"action": "release", "_selected_action": str(rejected.pk)})

    assert Upload.objects.count() == 1


def test_erasure_removes_both_uploads_and_the_copy(
    bucket: Bucket, rejected: Upload, operator: Any, alice: Any
) -> None:
    release(rejected, operator)
    let_time_pass(days=2)

    report = erase(alice)

    assert report.erased
    assert Upload.objects.count() == 0
    assert list(bucket.list_objects("")) == []


def test_older_code_can_insert_rows_without_the_new_columns(rejected: Upload) -> None:
    new = {"search_name", "rejected_cause", "release_requested_at"}
    new |= {"released_as_id", "released_from_id"}
    columns = {str(field.column) for field in Upload._meta.concrete_fields} - new
    same = sorted(columns - {"id", "key"})
    names = ", ".join(f'"{name}"' for name in same)

    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO uploads_upload ("id", "key", {names}) '  # noqa: S608
            f"SELECT %s, %s, {names} FROM uploads_upload",
            [uuid.uuid4().hex, "uploads/00/" + "0" * 40],
        )

    written = Upload.objects.exclude(pk=rejected.pk).get()
    assert (written.search_name, written.rejected_cause) == ("", "")
    assert not written.released_as
