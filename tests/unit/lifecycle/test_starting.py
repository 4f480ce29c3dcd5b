"""Test transport, reservation and idempotency at the start of an upload."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest

from tests.support.builders import (
    MIB,
    declare,
    event_kinds,
    make_ready,
    quota_counts,
)
from uploads import lifecycle
from uploads.errors import (
    InvalidRequest,
    QuotaExceeded,
    StorageUnavailable,
)
from uploads.lifecycle.policy import policy_for
from uploads.models import StorageQuota
from uploads.s3.bucket import Bucket
from uploads.s3.signed import SignedPost
from uploads.states import State, Transport

pytestmark = pytest.mark.django_db


def test_start_reserves_the_bytes_and_records_the_upload(
    alice: Any, bucket: Bucket
) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))

    assert upload.state == State.PENDING
    assert upload.transport == Transport.PUT
    assert quota_counts(alice) == (0, 5, 0, 1)
    assert event_kinds(upload) == ["upload.started"]
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


def test_part_size_can_be_set_by_the_site(
    alice: Any, bucket: Bucket, settings: Any
) -> None:
    settings.UPLOADS = {**settings.UPLOADS, "MIN_PART_BYTES": 5 * MIB}

    one = lifecycle.start(owner=alice, declaration=declare(b"", byte_size=5 * MIB))
    two = lifecycle.start(owner=alice, declaration=declare(b"", byte_size=5 * MIB + 1))

    assert one.transport == Transport.PUT
    assert (two.transport, two.part_size) == (Transport.MULTIPART, 5 * MIB)


@pytest.mark.parametrize("byte_size", [0, 1, 16 * MIB])
def test_file_of_at_most_one_part_uses_one_put(
    alice: Any, bucket: Bucket, byte_size: int
) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"", byte_size=byte_size))

    assert upload.transport == Transport.PUT
    assert upload.part_count == 1


def test_put_without_a_checksum_is_refused_and_reserves_nothing(
    alice: Any, bucket: Bucket
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        lifecycle.start(owner=alice, declaration=declare(b"x", checksum_sha256=""))

    assert list(refusal.value.fields) == ["checksum_sha256"]
    assert quota_counts(alice) == (0, 0, 0, 0)


def test_empty_file_cannot_be_a_multipart_upload(alice: Any, bucket: Bucket) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        lifecycle.start(
            owner=alice, declaration=declare(b"", transport=Transport.MULTIPART)
        )

    assert list(refusal.value.fields) == ["transport"]


def test_upload_over_the_quota_with_other_reservations_is_refused(
    alice: Any, bucket: Bucket
) -> None:
    StorageQuota.objects.create(user=alice, limit_bytes=100)
    lifecycle.start(owner=alice, declaration=declare(b"x" * 70))

    with pytest.raises(QuotaExceeded):
        lifecycle.start(owner=alice, declaration=declare(b"x" * 31))

    assert alice.uploads.count() == 1
    assert quota_counts(alice) == (0, 70, 0, 1)


def test_same_idempotency_key_returns_the_same_upload(
    alice: Any, bucket: Bucket
) -> None:
    first = lifecycle.start(
        owner=alice, declaration=declare(b"hello"), idempotency_key="k"
    )
    again = lifecycle.start(
        owner=alice, declaration=declare(b"hello"), idempotency_key="k"
    )

    assert again.pk == first.pk
    assert quota_counts(alice) == (0, 5, 0, 1)


def test_idempotency_key_with_another_declaration_is_refused(
    alice: Any, bucket: Bucket
) -> None:
    lifecycle.start(owner=alice, declaration=declare(b"hello"), idempotency_key="k")

    with pytest.raises(InvalidRequest, match="another file"):
        lifecycle.start(
            owner=alice, declaration=declare(b"other!"), idempotency_key="k"
        )


def test_idempotency_key_is_valid_only_for_its_owner(
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


def test_unavailable_storage_at_the_start_leaves_no_reservation(
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
    assert quota_counts(alice) == (0, 0, 0, 0)


def test_start_without_credentials_reserves_nothing_and_keeps_no_row(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    unwanted = make_ready(bucket, alice)
    none = Mock(side_effect=StorageUnavailable)
    for module in ("multipart", "moving"):
        monkeypatch.setattr(f"uploads.lifecycle.{module}.get_bucket", none)

    with pytest.raises(StorageUnavailable):
        lifecycle.start(owner=alice, declaration=declare(b"", byte_size=20 * MIB))
    lifecycle.remove(unwanted)

    assert none.call_count == 2
    states = alice.uploads.order_by("created_at").values_list("state", flat=True)
    assert list(states) == [State.DELETED, State.CANCELLED]
    assert quota_counts(alice) == (0, 0, 0, 0)


def test_second_start_with_another_transport_returns_the_first_upload(
    alice: Any,
) -> None:
    """A page that no longer uses forms continues an upload that started by form."""
    first, again = (
        lifecycle.start_many(
            owner=alice,
            wanted=[lifecycle.Wanted(declare(b"hello", transport=transport), "key")],
            policy=policy_for(alice),
        )[0]
        for transport in (Transport.POST, Transport.PUT)
    )

    assert first.upload == again.upload
    assert isinstance(again.request, SignedPost)
