"""Test the completion of uploads, and the checks of the stored object."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.builders import (
    MIB,
    checksum,
    declare,
    event_kinds,
    put,
    quota_counts,
    send_parts,
)
from uploads import lifecycle
from uploads.errors import (
    Incomplete,
    InvalidState,
    StaleUpload,
)
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.states import State

pytestmark = pytest.mark.django_db


def test_complete_makes_a_sent_file_ready_and_uses_the_quota(
    alice: Any, bucket: Bucket
) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    put(bucket, upload, b"hello")

    lifecycle.advance(upload, actor=alice)

    upload.refresh_from_db()
    assert upload.state == State.READY
    assert upload.completed_at is not None
    assert upload.object_checksum == checksum(b"hello")
    assert quota_counts(alice) == (5, 0, 1, 0)
    assert event_kinds(upload) == [
        "upload.started",
        "upload.inspecting",
        "upload.ready",
    ]


def test_repeated_complete_uses_the_quota_once(alice: Any, bucket: Bucket) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    put(bucket, upload, b"hello")
    lifecycle.advance(upload)

    lifecycle.advance(Upload.objects.get(pk=upload.pk))

    assert quota_counts(alice) == (5, 0, 1, 0)
    assert event_kinds(upload).count("upload.ready") == 1


def test_complete_without_an_object_changes_nothing(alice: Any, bucket: Bucket) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))

    with pytest.raises(Incomplete) as refusal:
        lifecycle.advance(upload)

    assert refusal.value.missing_parts == [1]
    assert upload.state == State.PENDING
    assert quota_counts(alice) == (0, 5, 0, 1)


def test_multipart_upload_is_completed_from_the_buckets_list(
    alice: Any, bucket: Bucket
) -> None:
    content = bytes(range(256)) * (36 * MIB // 256)
    upload = lifecycle.start(
        owner=alice,
        declaration=declare(content, content_type="application/octet-stream"),
    )
    send_parts(bucket, upload, content)

    lifecycle.advance(upload)

    assert upload.state == State.READY
    stored = bucket.client.get_object(Bucket=bucket.name, Key=upload.key)
    assert stored["Body"].read() == content
    assert quota_counts(alice) == (36 * MIB, 0, 1, 0)


def test_error_of_complete_names_missing_and_short_parts(
    alice: Any, bucket: Bucket
) -> None:
    content = bytes(36 * MIB)
    upload = lifecycle.start(
        owner=alice,
        declaration=declare(content, content_type="application/octet-stream"),
    )
    send_parts(bucket, upload, content, 1)
    bucket.client.upload_part(
        Bucket=bucket.name,
        Key=upload.key,
        UploadId=upload.multipart_id,
        PartNumber=2,
        Body=bytes(5 * MIB),
    )

    with pytest.raises(Incomplete) as refusal:
        lifecycle.advance(upload)

    assert refusal.value.missing_parts == [2, 3]
    assert [part.part_number for part in lifecycle.stored_parts(upload)] == [1, 2]


def test_complete_finds_the_joined_object_after_a_lost_answer_of_s3(
    alice: Any, bucket: Bucket
) -> None:
    content = bytes(20 * MIB)
    upload = lifecycle.start(
        owner=alice,
        declaration=declare(content, content_type="application/octet-stream"),
    )
    send_parts(bucket, upload, content)
    parts = lifecycle.stored_parts(upload)
    bucket.complete_multipart_upload(
        upload.key, upload.multipart_id, parts, byte_size=upload.byte_size
    )

    lifecycle.advance(upload)

    assert upload.state == State.READY
    assert quota_counts(alice) == (20 * MIB, 0, 1, 0)


def test_upload_stays_pending_if_another_request_reopened_the_multipart_upload(
    alice: Any, bucket: Bucket
) -> None:
    content = bytes(20 * MIB)
    upload = lifecycle.start(
        owner=alice,
        declaration=declare(content, content_type="application/octet-stream"),
    )
    anew = bucket.create_multipart_upload(upload.key, content_type="a/b")
    Upload.objects.update(multipart_id=anew)
    bucket.abort_multipart_upload(upload.key, upload.multipart_id)

    with pytest.raises(Incomplete) as refusal:
        lifecycle.advance(upload)

    assert refusal.value.missing_parts == [1, 2]
    assert (upload.state, upload.multipart_id) == (State.PENDING, anew)
    assert quota_counts(alice) == (0, 20 * MIB, 0, 1)


def test_upload_expires_when_the_bucket_has_deleted_its_parts(
    alice: Any, bucket: Bucket
) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"", byte_size=20 * MIB))
    bucket.abort_multipart_upload(upload.key, upload.multipart_id)

    with pytest.raises(InvalidState, match="Start a new upload"):
        lifecycle.advance(upload)

    assert upload.state == State.EXPIRED
    assert quota_counts(alice) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("stored", "headers", "reason"),
    [
        (b"hello!", {}, "6 bytes, but this upload was started for a file of 5"),
        (b"jello", {}, "SHA-256"),
        (b"hello", {"ContentEncoding": "gzip"}, "Content-Encoding: gzip"),
    ],
)
def test_object_that_differs_from_its_declaration_is_rejected_and_purged(
    alice: Any, bucket: Bucket, stored: bytes, headers: dict[str, str], reason: str
) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    put(bucket, upload, stored, **headers)

    lifecycle.advance(upload)

    assert upload.state == State.REJECTED
    assert reason in upload.rejected_reason
    assert bucket.head_object(upload.key) is None
    assert quota_counts(alice) == (0, 0, 0, 0)


def test_program_declared_as_an_image_is_rejected_and_purged_with_a_reason(
    alice: Any, bucket: Bucket
) -> None:
    content = b"MZ\x90\x00" + bytes(60)
    upload = lifecycle.start(
        owner=alice,
        declaration=declare(content, filename="a.png", content_type="image/png"),
    )
    put(bucket, upload, content)

    lifecycle.advance(upload)

    assert upload.state == State.REJECTED
    assert upload.rejected_reason == (
        "This file is a Windows program, but its name ends in .png. Remove "
        "this ending from the name, then upload the file again."
    )
    assert bucket.head_object(upload.key) is None
    assert quota_counts(alice) == (0, 0, 0, 0)
    assert event_kinds(upload)[-1] == "upload.rejected"


def test_move_of_a_stale_row_raises_and_changes_nothing(
    alice: Any, bucket: Bucket
) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    stale = Upload.objects.get(pk=upload.pk)
    lifecycle.move(upload, State.CANCELLED)

    with pytest.raises(StaleUpload):
        lifecycle.move(stale, State.EXPIRED)

    assert quota_counts(alice) == (0, 0, 0, 0)
    assert event_kinds(upload) == ["upload.started", "upload.cancelled"]
