"""The life of an upload, against an S3 in memory."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
import time_machine
from django.utils import timezone

from tests.support.builders import (
    MIB,
    begin,
    checksum,
    declare,
    held,
    kinds,
    let_time_pass,
    make_ready,
    put,
    send_parts,
)
from uploads import lifecycle
from uploads.errors import (
    Incomplete,
    InvalidRequest,
    InvalidState,
    QuotaExceeded,
    StaleUpload,
    StorageUnavailable,
)
from uploads.lifecycle import WantedPart
from uploads.models import StorageQuota, Upload
from uploads.s3.bucket import Bucket
from uploads.states import State, Transport

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


def test_start_reserves_the_bytes_and_records_the_upload(
    alice: Any, bucket: Bucket
) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))

    assert upload.state == State.PENDING
    assert upload.transport == Transport.PUT
    assert held(alice) == (0, 5, 0, 1)
    assert kinds(upload) == ["upload.started"]
    assert "notes" not in upload.key


def test_start_opens_a_multipart_upload_for_more_than_one_part(
    alice: Any, bucket: Bucket
) -> None:
    upload = lifecycle.start(
        owner=alice, declaration=declare(b"", byte_size=16 * MIB + 1)
    )

    [opened] = bucket.client.list_multipart_uploads(Bucket=bucket.name)["Uploads"]
    assert opened["UploadId"] == upload.multipart_id
    assert opened["Key"] == upload.key
    assert (upload.part_size, upload.part_count) == (16 * MIB, 2)
    assert upload.checksum_sha256 == ""


def test_a_site_can_ask_for_smaller_parts(
    alice: Any, bucket: Bucket, settings: Any
) -> None:
    settings.UPLOADS = {**settings.UPLOADS, "MIN_PART_BYTES": 5 * MIB}

    one = lifecycle.start(owner=alice, declaration=declare(b"", byte_size=5 * MIB))
    two = lifecycle.start(owner=alice, declaration=declare(b"", byte_size=5 * MIB + 1))

    assert one.transport == Transport.PUT
    assert (two.transport, two.part_size) == (Transport.MULTIPART, 5 * MIB)


@pytest.mark.parametrize("byte_size", [0, 1, 16 * MIB])
def test_one_part_or_less_goes_as_one_put(
    alice: Any, bucket: Bucket, byte_size: int
) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"", byte_size=byte_size))

    assert upload.transport == Transport.PUT
    assert upload.part_count == 1


def test_a_put_without_a_checksum_is_refused_and_reserves_nothing(
    alice: Any, bucket: Bucket
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        lifecycle.start(owner=alice, declaration=declare(b"x", checksum_sha256=""))

    assert list(refusal.value.fields) == ["checksum_sha256"]
    assert held(alice) == (0, 0, 0, 0)


def test_an_empty_file_has_no_parts(alice: Any, bucket: Bucket) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        lifecycle.start(
            owner=alice, declaration=declare(b"", transport=Transport.MULTIPART)
        )

    assert list(refusal.value.fields) == ["transport"]


def test_what_does_not_fit_beside_other_reservations_is_refused(
    alice: Any, bucket: Bucket
) -> None:
    StorageQuota.objects.create(user=alice, limit_bytes=100)
    lifecycle.start(owner=alice, declaration=declare(b"x" * 70))

    with pytest.raises(QuotaExceeded):
        lifecycle.start(owner=alice, declaration=declare(b"x" * 31))

    assert alice.uploads.count() == 1
    assert held(alice) == (0, 70, 0, 1)


def test_the_same_idempotency_key_returns_the_same_upload(
    alice: Any, bucket: Bucket
) -> None:
    first = lifecycle.start(
        owner=alice, declaration=declare(b"hello"), idempotency_key="k"
    )
    again = lifecycle.start(
        owner=alice, declaration=declare(b"hello"), idempotency_key="k"
    )

    assert again.pk == first.pk
    assert held(alice) == (0, 5, 0, 1)


def test_an_idempotency_key_names_one_file_only(alice: Any, bucket: Bucket) -> None:
    lifecycle.start(owner=alice, declaration=declare(b"hello"), idempotency_key="k")

    with pytest.raises(InvalidRequest, match="another file"):
        lifecycle.start(
            owner=alice, declaration=declare(b"other!"), idempotency_key="k"
        )


def test_an_idempotency_key_is_its_owners_alone(
    alice: Any, bucket: Bucket, django_user_model: Any
) -> None:
    bob = django_user_model.objects.create_user("bob")
    first = lifecycle.start(
        owner=alice, declaration=declare(b"hello"), idempotency_key="k"
    )

    second = lifecycle.start(
        owner=bob, declaration=declare(b"hello"), idempotency_key="k"
    )

    assert second.pk != first.pk


def test_storage_that_is_down_at_the_start_leaves_nothing_reserved(
    alice: Any, bucket: Bucket
) -> None:
    bucket.client.delete_bucket(Bucket=bucket.name)

    with pytest.raises(StorageUnavailable):
        lifecycle.start(
            owner=alice,
            declaration=declare(b"", byte_size=20 * MIB),
            idempotency_key="k",
        )

    upload = alice.uploads.get()
    assert upload.state == State.CANCELLED
    assert upload.idempotency_key is None
    assert held(alice) == (0, 0, 0, 0)


def test_a_process_without_credentials_neither_reserves_nor_keeps_a_file(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    unwanted = make_ready(bucket, alice)
    none = Mock(side_effect=StorageUnavailable)
    for module in ("starting", "moving"):
        monkeypatch.setattr(f"uploads.lifecycle.{module}.get_bucket", none)

    with pytest.raises(StorageUnavailable):
        lifecycle.start(owner=alice, declaration=declare(b"", byte_size=20 * MIB))
    lifecycle.remove(unwanted)

    assert none.call_count == 2
    states = alice.uploads.order_by("created_at").values_list("state", flat=True)
    assert list(states) == [State.DELETED, State.CANCELLED]
    assert held(alice) == (0, 0, 0, 0)


def test_complete_verifies_inspects_and_charges(alice: Any, bucket: Bucket) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    put(bucket, upload, b"hello")

    lifecycle.advance(upload, actor=alice)

    upload.refresh_from_db()
    assert upload.state == State.READY
    assert upload.completed_at is not None
    assert upload.object_checksum == checksum(b"hello")
    assert held(alice) == (5, 0, 1, 0)
    assert kinds(upload) == ["upload.started", "upload.inspecting", "upload.ready"]


def test_complete_can_be_repeated_and_charges_once(alice: Any, bucket: Bucket) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    put(bucket, upload, b"hello")
    lifecycle.advance(upload)

    lifecycle.advance(Upload.objects.get(pk=upload.pk))

    assert held(alice) == (5, 0, 1, 0)
    assert kinds(upload).count("upload.ready") == 1


def test_complete_before_the_bytes_changes_nothing(alice: Any, bucket: Bucket) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))

    with pytest.raises(Incomplete) as refusal:
        lifecycle.advance(upload)

    assert refusal.value.missing_parts == [1]
    assert upload.state == State.PENDING
    assert held(alice) == (0, 5, 0, 1)


def test_a_multipart_upload_is_completed_from_the_buckets_own_list(
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
    assert held(alice) == (36 * MIB, 0, 1, 0)


def test_missing_and_short_parts_are_named(alice: Any, bucket: Bucket) -> None:
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


def test_a_lost_answer_to_the_completion_is_made_good_by_looking(
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
    assert held(alice) == (20 * MIB, 0, 1, 0)


def test_a_multipart_upload_opened_again_meanwhile_does_not_expire_the_upload(
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
    assert held(alice) == (0, 20 * MIB, 0, 1)


def test_parts_that_the_bucket_dropped_expire_the_upload(
    alice: Any, bucket: Bucket
) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"", byte_size=20 * MIB))
    bucket.abort_multipart_upload(upload.key, upload.multipart_id)

    with pytest.raises(InvalidState, match="Start it again"):
        lifecycle.advance(upload)

    assert upload.state == State.EXPIRED
    assert held(alice) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("stored", "headers", "reason"),
    [
        (b"hello!", {}, "6 bytes, but 5 were declared"),
        (b"jello", {}, "SHA-256"),
        (b"hello", {"ContentEncoding": "gzip"}, "Content-Encoding gzip"),
    ],
)
def test_an_object_that_differs_from_its_declaration_is_rejected_and_purged(
    alice: Any, bucket: Bucket, stored: bytes, headers: dict[str, str], reason: str
) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    put(bucket, upload, stored, **headers)

    lifecycle.advance(upload)

    assert upload.state == State.REJECTED
    assert reason in upload.rejected_reason
    assert bucket.head_object(upload.key) is None
    assert held(alice) == (0, 0, 0, 0)


def test_a_program_declared_as_an_image_is_rejected_purged_and_explained(
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
        "This file is a Windows program, but its name ends in .png. Give it the "
        "ending of a program, or none, then upload it again."
    )
    assert bucket.head_object(upload.key) is None
    assert held(alice) == (0, 0, 0, 0)
    assert kinds(upload)[-1] == "upload.rejected"


def test_removing_a_pending_upload_cancels_it_and_aborts_its_parts(
    alice: Any, bucket: Bucket
) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"", byte_size=20 * MIB))

    lifecycle.remove(upload, actor=alice)

    assert upload.state == State.CANCELLED
    assert held(alice) == (0, 0, 0, 0)
    assert "Uploads" not in bucket.client.list_multipart_uploads(Bucket=bucket.name)


def test_removing_a_ready_upload_deletes_the_object_and_gives_the_bytes_back(
    alice: Any, bucket: Bucket
) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    put(bucket, upload, b"hello")
    lifecycle.advance(upload)

    lifecycle.remove(upload)
    lifecycle.remove(upload)

    assert upload.state == State.DELETED
    assert bucket.head_object(upload.key) is None
    assert held(alice) == (0, 0, 0, 0)
    assert kinds(upload).count("upload.deleted") == 1


def test_removal_does_not_need_the_storage(alice: Any, bucket: Bucket) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    bucket.client.delete_bucket(Bucket=bucket.name)

    lifecycle.remove(upload)

    assert upload.state == State.CANCELLED
    assert upload.purged_at is None


def test_a_purge_is_not_final_while_a_url_lives(alice: Any, bucket: Bucket) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    lifecycle.presign(upload)
    lifecycle.remove(upload)
    assert upload.purged_at is None

    put(bucket, upload, b"hello")  # a late arrival
    Upload.objects.filter(pk=upload.pk).update(
        urls_expire_at=timezone.now() - timedelta(seconds=1)
    )
    upload.refresh_from_db()
    lifecycle.purge(upload)

    assert bucket.head_object(upload.key) is None
    assert upload.purged_at is not None


def test_what_is_over_takes_no_more_bytes_and_cannot_be_completed(
    alice: Any, bucket: Bucket
) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    lifecycle.remove(upload)

    with pytest.raises(InvalidState):
        lifecycle.presign(upload)
    with pytest.raises(InvalidState):
        lifecycle.advance(upload)


def test_an_overdue_upload_gets_no_url(alice: Any, bucket: Bucket) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    upload.expires_at = timezone.now()

    with pytest.raises(InvalidState, match="past its deadline"):
        lifecycle.presign(upload)


def test_an_upload_that_ended_meanwhile_gets_no_url_whatever_was_read(
    alice: Any, bucket: Bucket
) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    let_time_pass(days=7, seconds=1)

    with pytest.raises(InvalidState, match="past its deadline"):
        lifecycle.presign(upload)
    assert Upload.objects.get().urls_expire_at is None


def test_who_asks_for_urls_to_the_end_is_given_a_day_more(
    alice: Any, bucket: Bucket
) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"", byte_size=20 * MIB))
    begun_at = upload.created_at

    def ask_after(**span: float) -> timedelta:
        """Return how long the upload may take by now, from its start on."""
        # The clock stands still for this: let_time_pass would move created_at too.
        with time_machine.travel(begun_at + timedelta(**span), tick=False):
            row = Upload.objects.get()
            lifecycle.presign_parts(row, [WantedPart(1, checksum(b"x"))])
        stored = Upload.objects.get()
        assert row.expires_at == stored.expires_at
        return stored.expires_at - begun_at

    assert ask_after(days=1) == timedelta(days=7)
    assert ask_after(days=5, hours=23) == timedelta(days=7)
    assert ask_after(days=6, hours=12) == timedelta(days=7, hours=12)
    assert ask_after(days=6, hours=18) == timedelta(days=7, hours=18)
    assert ask_after(days=7, hours=17) == timedelta(days=8)
    assert ask_after(days=7, hours=23) == timedelta(days=8)
    with pytest.raises(InvalidState, match="past its deadline"):
        ask_after(days=8)


def test_the_last_url_dies_with_its_upload(alice: Any, bucket: Bucket) -> None:
    upload = begin(alice)
    let_time_pass(days=7)
    Upload.objects.update(expires_at=timezone.now() + timedelta(minutes=5))
    Upload.objects.update(created_at=timezone.now() - timedelta(days=7, hours=23.95))
    upload.refresh_from_db()

    request = lifecycle.presign(upload)

    assert request is not None
    assert request.expires_at <= Upload.objects.get().expires_at


def test_an_upload_gets_no_more_at_a_time_than_it_had_at_first(
    alice: Any, bucket: Bucket, settings: Settings
) -> None:
    settings.UPLOADS = {"LIFETIME_SECONDS": 3600}
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))

    with time_machine.travel(upload.created_at + timedelta(minutes=50), tick=False):
        lifecycle.presign(upload)

    assert upload.expires_at - upload.created_at == timedelta(minutes=110)


def test_no_extension_is_none(alice: Any, bucket: Bucket, settings: Settings) -> None:
    settings.UPLOADS = {"EXTENSION_SECONDS": 0}
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    end = upload.expires_at

    with time_machine.travel(end - timedelta(minutes=1), tick=False):
        request = lifecycle.presign(upload)

    assert upload.expires_at == Upload.objects.get().expires_at == end
    assert request is not None
    assert request.expires_at <= end


def test_only_planned_parts_are_presigned(alice: Any, bucket: Bucket) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"", byte_size=20 * MIB))

    signed = lifecycle.presign_parts(upload, [WantedPart(2, checksum(b"x"))])
    with pytest.raises(InvalidRequest):
        lifecycle.presign_parts(upload, [WantedPart(3, checksum(b"x"))])

    assert "partNumber=2" in signed[0].url
    assert upload.urls_expire_at is not None


def test_only_a_ready_upload_is_downloaded(alice: Any, bucket: Bucket) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))

    with pytest.raises(InvalidState):
        lifecycle.presign_download(upload)


def test_only_verified_raster_images_are_shown_inline(
    alice: Any, bucket: Bucket
) -> None:
    def ready(content: bytes, content_type: str) -> Upload:
        upload = lifecycle.start(
            owner=alice, declaration=declare(content, content_type=content_type)
        )
        put(bucket, upload, content)
        return lifecycle.advance(upload)

    image = lifecycle.presign_download(ready(PNG, "image/png"), inline=True)
    text = lifecycle.presign_download(ready(b"hello", "text/plain"), inline=True)
    bytes_ = lifecycle.presign_download(
        ready(PNG, "application/octet-stream"), inline=True
    )
    claimed = lifecycle.presign_download(ready(b"hello", "image/png"), inline=True)

    assert "response-content-disposition=inline" in image.url
    assert "response-content-disposition=inline" in bytes_.url
    assert "response-content-type=image%2Fpng" in bytes_.url
    assert "response-content-disposition=attachment" in text.url
    assert "response-content-disposition=attachment" in claimed.url


def test_a_lost_race_is_told_and_changes_nothing(alice: Any, bucket: Bucket) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    twin = Upload.objects.get(pk=upload.pk)
    lifecycle.move(upload, State.CANCELLED)

    with pytest.raises(StaleUpload):
        lifecycle.move(twin, State.EXPIRED)

    assert held(alice) == (0, 0, 0, 0)
    assert kinds(upload) == ["upload.started", "upload.cancelled"]


def test_renaming_is_recorded_and_leaves_the_key(alice: Any, bucket: Bucket) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    key = upload.key

    lifecycle.rename(upload, "other.txt", actor=alice)

    upload.refresh_from_db()
    assert (upload.filename, upload.key) == ("other.txt", key)
    assert upload.events.latest("id").detail == {
        "from": "notes.txt",
        "to": "other.txt",
    }
