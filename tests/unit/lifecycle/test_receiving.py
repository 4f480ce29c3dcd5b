"""Plain forms reserve space. Then the site copies and verifies the file."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from django.utils import timezone

from tests.support.builders import MIB, begin, event_kinds, quota_counts
from tests.support.plain_forms import (
    REDIRECT,
    begin_form,
    has_incoming_object,
    store_form_object,
    stored_content,
)
from uploads import lifecycle
from uploads.errors import (
    ContentTypeNotAllowed,
    FileTooLarge,
    Incomplete,
    InvalidState,
    QuotaExceeded,
)
from uploads.models import StorageQuota, Upload, UploadPolicy
from uploads.s3.bucket import Bucket
from uploads.s3.keys import incoming_key
from uploads.states import State, Transport
from uploads.upkeep.auditing import audit

pytestmark = pytest.mark.django_db


HELLO = b"hello"
GIF = b"GIF89a\x01\x00\x01\x00" + bytes(20)
PROGRAM = b"MZ\x90\x00" + bytes(60)


def test_space_is_reserved_before_the_form_is_signed(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin_form(alice, 100)

    assert (upload.state, upload.transport) == (State.PENDING, Transport.FORM)
    assert quota_counts(alice) == (0, 100, 0, 1)
    assert event_kinds(upload) == ["upload.started"]
    assert upload.expires_at <= timezone.now() + timedelta(days=1)


def test_form_over_the_free_quota_is_refused_and_reserves_nothing(
    alice: Any, bucket: Bucket
) -> None:
    StorageQuota.objects.create(user=alice, limit_bytes=99)

    with pytest.raises(QuotaExceeded):
        begin_form(alice, 100)

    assert quota_counts(alice) == (0, 0, 0, 0)
    assert not Upload.objects.exists()


def test_form_over_the_size_limit_of_a_copy_is_refused(
    alice: Any, bucket: Bucket
) -> None:
    StorageQuota.objects.create(user=alice, limit_bytes=10**12)

    with pytest.raises(FileTooLarge):
        begin_form(alice, lifecycle.MAX_FORM_BYTES + 1)


def test_policy_checks_the_size_and_the_named_type_of_a_reservation(
    alice: Any, bucket: Bucket
) -> None:
    UploadPolicy.objects.create(
        user=alice, max_file_size=100, allowed_content_types=["image/*"]
    )

    with pytest.raises(FileTooLarge):
        begin_form(alice, 101, "a.png")
    with pytest.raises(ContentTypeNotAllowed):
        begin_form(alice, 100, "a.txt")
    begin_form(alice, 100, "a.png")
    begin_form(alice, 100, "")


def test_form_requested_twice_by_a_double_click_is_one_upload(
    alice: Any, bucket: Bucket
) -> None:
    arguments: dict[str, Any] = {"owner": alice, "filename": "", "idempotency_key": "a"}

    # The first request reserves all free space. The second request must not fail.
    one, two = (lifecycle.start_form(byte_size=size, **arguments) for size in (5, 1))
    other = lifecycle.start_form(byte_size=5, **arguments | {"idempotency_key": "b"})

    assert one == two
    assert other != one
    assert quota_counts(alice) == (0, 10, 0, 2)


def test_file_is_copied_and_uses_the_quota_by_its_real_size(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin_form(alice, 100)
    store_form_object(bucket, upload, HELLO)

    lifecycle.advance(upload, actor=alice)

    upload.refresh_from_db()
    assert (upload.state, upload.byte_size) == (State.READY, 5)
    assert (upload.filename, upload.content_type) == ("notes.txt", "text/plain")
    assert quota_counts(alice) == (5, 0, 1, 0)
    assert event_kinds(upload) == [
        "upload.started",
        "upload.inspecting",
        "upload.ready",
    ]
    event_detail = upload.events.get(kind="upload.inspecting").detail
    assert (event_detail["reserved_bytes"], event_detail["byte_size"]) == (100, 5)
    assert event_detail["etag"] == upload.etag
    facts = bucket.head_object(upload.key)
    assert facts is not None
    assert (facts.etag, facts.content_type) == (upload.etag, "text/plain")
    assert facts.content_disposition == "attachment"
    assert upload.object_checksum == (facts.checksum_sha256 or "")
    assert not has_incoming_object(bucket, upload)
    assert list(audit()) == []


def test_repeated_receiving_uses_the_quota_once(alice: Any, bucket: Bucket) -> None:
    upload = begin_form(alice, 100)
    store_form_object(bucket, upload, HELLO)

    for _ in range(3):
        lifecycle.advance(Upload.objects.get(pk=upload.pk))

    assert quota_counts(alice) == (5, 0, 1, 0)
    assert len(event_kinds(upload)) == 3


@pytest.mark.parametrize("byte_size", [0, 100])
def test_smallest_and_largest_permitted_size_are_accepted(
    alice: Any, bucket: Bucket, byte_size: int
) -> None:
    upload = begin_form(alice, 100)
    store_form_object(bucket, upload, b"x" * byte_size)

    lifecycle.advance(upload)

    assert upload.state == State.READY
    assert quota_counts(alice) == (byte_size, 0, 1, 0)


def test_receiving_without_a_file_raises_and_changes_nothing(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin_form(alice, 100)

    with pytest.raises(Incomplete):
        lifecycle.advance(upload)

    assert upload.state == State.PENDING
    assert quota_counts(alice) == (0, 100, 0, 1)


@pytest.mark.parametrize(
    ("content", "changes", "reason"),
    [
        (b"x" * 101, {}, "has 101 bytes, but only 100 bytes were reserved"),
        (HELLO, {"ContentEncoding": "gzip"}, "Content-Encoding: gzip"),
    ],
    ids=["too many bytes", "content encoding"],
)
def test_object_that_the_form_does_not_permit_is_rejected_and_purged(
    alice: Any, bucket: Bucket, content: bytes, changes: dict[str, str], reason: str
) -> None:
    upload = begin_form(alice, 100)
    store_form_object(bucket, upload, content, **changes)

    lifecycle.advance(upload)

    assert upload.state == State.REJECTED
    assert reason in upload.rejected_reason
    assert quota_counts(alice) == (0, 0, 0, 0)
    assert stored_content(bucket, upload) is None
    assert not has_incoming_object(bucket, upload)


def test_content_is_inspected_under_the_uploads_own_key(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin_form(alice, 100, "picture.png")
    store_form_object(bucket, upload, PROGRAM)

    lifecycle.advance(upload)

    assert upload.state == State.REJECTED
    assert "Windows program" in upload.rejected_reason
    assert event_kinds(upload)[1:] == ["upload.inspecting", "upload.rejected"]
    assert quota_counts(alice) == (0, 0, 0, 0)
    assert stored_content(bucket, upload) is None


@pytest.mark.parametrize(
    ("typed", "sent", "content", "name", "content_type"),
    [
        ("my.csv", "other.txt", b"a,b", "my.csv", "text/csv"),
        ("", "report.pdf", b"%PDF-1.7", "report.pdf", "application/pdf"),
        ("", "=?UTF-8?B?w7xiZXIuZ2lm?=", GIF, "über.gif", "image/gif"),
        ("", "../../x\u202e/a.txt", b"a", "a.txt", "text/plain"),
        ("", "${filename}", GIF, "upload-2026-11-21.gif", "image/gif"),
        ("", "", b"\x00\x01", "upload-2026-11-21", "application/octet-stream"),
        ("page.html", "", b"<p>", "page.html", "application/octet-stream"),
        ("a.svg", "", b"<svg/>", "a.svg", "application/octet-stream"),
        ("a.tar.gz", "", b"\x1f\x8b", "a.tar.gz", "application/gzip"),
        ("README", "", b"read", "README", "application/octet-stream"),
    ],
)
def test_name_and_type_come_from_the_typed_or_sent_name_or_the_bytes(
    alice: Any,
    bucket: Bucket,
    typed: str,
    sent: str,
    content: bytes,
    name: str,
    content_type: str,
) -> None:
    upload = begin_form(alice, 100, typed)
    day = timezone.now().replace(2026, 11, 21)
    Upload.objects.update(created_at=day)
    upload.refresh_from_db()
    # boto3 sends only ASCII names. test_sent_names.py tests other names.
    ascii_only = sent.encode("ascii", "ignore").decode()
    store_form_object(
        bucket, upload, content, Metadata={"filename": ascii_only} if sent else {}
    )

    lifecycle.advance(upload)

    assert upload.state == State.READY, upload.rejected_reason
    assert (upload.filename, upload.content_type) == (name, content_type)


def test_policy_checks_a_type_that_is_detected_on_arrival(
    alice: Any, bucket: Bucket
) -> None:
    UploadPolicy.objects.create(user=alice, allowed_content_types=["image/*"])
    upload = begin_form(alice, 100, "")
    store_form_object(bucket, upload, b"%PDF-1.7")

    lifecycle.advance(upload)

    assert upload.state == State.REJECTED
    assert "application/pdf may not be uploaded" in upload.rejected_reason


def test_file_is_copied_if_s3_does_not_support_conditional_copies(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin_form(alice, 100)
    store_form_object(bucket, upload, HELLO)
    real = bucket.client.copy_object

    def without_conditions(**request: Any) -> Any:
        if "IfNoneMatch" in request:
            answer: Any = {"Error": {"Code": "NotImplemented", "Message": "a test"}}
            raise ClientError(answer, "CopyObject")
        return real(**request)

    monkeypatch.setattr(bucket.client, "copy_object", without_conditions)
    lifecycle.advance(upload)

    assert upload.state == State.READY
    assert stored_content(bucket, upload) == HELLO


def test_no_url_permits_a_write_to_the_uploads_own_key(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin_form(alice, 100)

    form = lifecycle.presign_form(upload, redirect_url=REDIRECT)

    assert form.fields["key"] == incoming_key(upload.key)
    with pytest.raises(InvalidState):
        lifecycle.presign(upload)
    with pytest.raises(InvalidState):
        lifecycle.presign_parts(upload, [])


def test_row_records_the_expiry_of_the_presigned_form(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin_form(alice, 100)

    form = lifecycle.presign_form(upload, redirect_url=REDIRECT)

    upload.refresh_from_db()
    assert upload.urls_expire_at is not None
    assert form.expires_at <= upload.urls_expire_at


@pytest.mark.parametrize("state", [State.CANCELLED, State.READY])
def test_no_form_is_signed_for_an_ended_upload(
    alice: Any, bucket: Bucket, state: State
) -> None:
    upload = begin_form(alice, 100)
    Upload.objects.update(state=state, completed_at=timezone.now())

    with pytest.raises(InvalidState):
        lifecycle.presign_form(upload, redirect_url=REDIRECT)


def test_form_for_an_upload_with_another_transport_is_refused(
    alice: Any, bucket: Bucket
) -> None:
    with pytest.raises(InvalidState):
        lifecycle.presign_form(begin(alice), redirect_url=REDIRECT)


def test_copy_over_the_reserved_size_is_rejected(alice: Any, bucket: Bucket) -> None:
    # Only the site's worker can write to this key, but the site still checks the size.
    upload = begin_form(alice, 100)
    bucket.client.put_object(
        Bucket=bucket.name, Key=upload.key, Body=bytes(MIB), ContentType="text/plain"
    )

    lifecycle.advance(upload)

    assert upload.state == State.REJECTED
    assert stored_content(bucket, upload) is None
