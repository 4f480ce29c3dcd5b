"""The site finds objects that a replayed URL has replaced after their verification."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.support.builders import begin, event_kinds, let_time_pass, put, quota_counts
from tests.support.storage_faults import count_s3_calls, s3_answers_500
from uploads import lifecycle
from uploads.doctor.memory import remember_promises
from uploads.doctor.results import ok, warn
from uploads.errors import InvalidState
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.states import State, Transport
from uploads.upkeep.auditing import audit
from uploads.upkeep.sweeper import sweep

QUESTIONS = {
    Transport.PUT: "contract.put.second_use",
    Transport.POST: "contract.post.other_bytes",
}
EACH = pytest.mark.parametrize("transport", list(QUESTIONS))


def ready(bucket: Bucket, owner: Any, transport: Transport = Transport.PUT) -> Upload:
    upload = begin(owner, transport=transport)
    put(bucket, upload, b"hello")
    lifecycle.advance(upload)
    assert upload.state == State.READY
    return upload


@EACH
def test_object_is_not_compared_again_if_the_storage_refuses_replays(
    alice: Any, bucket: Bucket, transport: Transport
) -> None:
    remember_promises([ok(QUESTIONS[transport], "")])
    upload = ready(bucket, alice, transport)

    with count_s3_calls(bucket) as calls:
        lifecycle.presign_download(upload)

    assert upload.replaceable_until is None
    assert not calls


@EACH
@pytest.mark.parametrize("is_certified", [False, True])
def test_replaced_object_cannot_be_downloaded(
    alice: Any, bucket: Bucket, transport: Transport, is_certified: bool
) -> None:
    if is_certified:
        remember_promises([warn(QUESTIONS[transport], "", "accepted", "", "")])
    upload = ready(bucket, alice, transport)
    lifecycle.presign_download(upload)

    put(bucket, upload, b"other")

    with pytest.raises(InvalidState, match="rejected"):
        lifecycle.presign_download(upload)
    assert (upload.state, upload.rejected_cause) == (State.REJECTED, "replaced")
    assert quota_counts(alice) == (0, 0, 0, 0)
    assert event_kinds(upload)[-1] == "upload.rejected"


def test_api_refuses_a_download_of_a_replaced_object_with_a_message(
    alice: Any, bucket: Bucket, client: Client
) -> None:
    client.force_login(alice)
    upload = ready(bucket, alice)
    put(bucket, upload, b"other")

    answer = client.get(f"/api/v1/uploads/{upload.pk}/download")

    assert (answer.status_code, answer.json()["code"]) == (409, "invalid_state")


@EACH
def test_sweeper_finds_a_replaced_object_after_its_urls_have_expired(
    alice: Any, bucket: Bucket, transport: Transport
) -> None:
    replaced, kept = (ready(bucket, alice, transport) for _ in range(2))
    put(bucket, replaced, b"other")
    sweep()
    replaced.refresh_from_db()
    # One URL has not expired, so the sweeper waits.
    assert replaced.state == State.READY

    let_time_pass(hours=2)
    report = sweep()

    replaced.refresh_from_db()
    kept.refresh_from_db()
    assert (replaced.state, kept.state) == (State.REJECTED, State.READY)
    assert report.rejected == 1
    assert kept.replaceable_until is None
    assert list(audit()) == []
    assert sweep().looked_at == 0


def test_check_for_a_replaced_object_is_repeated_after_a_storage_error(
    alice: Any, bucket: Bucket
) -> None:
    upload = ready(bucket, alice)
    let_time_pass(hours=2)

    with s3_answers_500(bucket, "HeadObject", key=upload.key):
        sweep()

    upload.refresh_from_db()
    assert upload.replaceable_until is not None
    let_time_pass(hours=2)
    sweep()
    upload.refresh_from_db()
    assert upload.replaceable_until is None


def test_download_url_in_a_versioned_bucket_names_the_verified_version(
    alice: Any, bucket: Bucket
) -> None:
    bucket.client.put_bucket_versioning(
        Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"}
    )
    upload = ready(bucket, alice)

    put(bucket, upload, b"other")

    assert upload.replaceable_until is None
    assert upload.version_id in lifecycle.presign_download(upload).url


def test_uploads_completed_in_a_batch_are_marked_for_a_later_comparison(
    alice: Any, bucket: Bucket
) -> None:
    uploads = [begin(alice, b"%d" % n) for n in range(2)]
    for number, upload in enumerate(uploads):
        put(bucket, upload, b"%d" % number)

    lifecycle.complete_many(
        alice,
        uploads,
        actor=alice,
        objects=lifecycle.prefetch(uploads),
        budget=lifecycle.inline_budget(),
    )

    for upload in Upload.objects.all():
        assert upload.state == State.READY
        assert upload.urls_expire_at is not None
        assert upload.replaceable_until is not None
        assert upload.replaceable_until > upload.urls_expire_at
