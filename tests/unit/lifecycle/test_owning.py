"""Owners can remove and rename their uploads."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.support.builders import (
    MIB,
    declare,
    event_kinds,
    put,
    quota_counts,
)
from uploads import lifecycle
from uploads.errors import (
    InvalidState,
)
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.states import State

pytestmark = pytest.mark.django_db


def test_removal_of_a_pending_upload_cancels_the_upload_and_aborts_its_parts(
    alice: Any, bucket: Bucket
) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"", byte_size=20 * MIB))

    lifecycle.remove(upload, actor=alice)

    assert upload.state == State.CANCELLED
    assert quota_counts(alice) == (0, 0, 0, 0)
    assert "Uploads" not in bucket.client.list_multipart_uploads(Bucket=bucket.name)


def test_removal_of_a_ready_upload_deletes_the_object_and_releases_the_quota(
    alice: Any, bucket: Bucket
) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    put(bucket, upload, b"hello")
    lifecycle.advance(upload)

    lifecycle.remove(upload)
    lifecycle.remove(upload)

    assert upload.state == State.DELETED
    assert bucket.head_object(upload.key) is None
    assert quota_counts(alice) == (0, 0, 0, 0)
    assert event_kinds(upload).count("upload.deleted") == 1


def test_removal_succeeds_when_the_storage_is_unavailable(
    alice: Any, bucket: Bucket
) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    bucket.client.delete_bucket(Bucket=bucket.name)

    lifecycle.remove(upload)

    assert upload.state == State.CANCELLED
    assert upload.purged_at is None


def test_upload_is_purged_again_after_its_last_url_has_expired(
    alice: Any, bucket: Bucket
) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    lifecycle.presign(upload)
    lifecycle.remove(upload)
    assert upload.purged_at is None

    # The bytes arrive after the purge.
    put(bucket, upload, b"hello")
    Upload.objects.filter(pk=upload.pk).update(
        urls_expire_at=timezone.now() - timedelta(seconds=1)
    )
    upload.refresh_from_db()
    lifecycle.purge(upload)

    assert bucket.head_object(upload.key) is None
    assert upload.purged_at is not None


def test_ended_upload_gets_no_url_and_cannot_be_completed(
    alice: Any, bucket: Bucket
) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    lifecycle.remove(upload)

    with pytest.raises(InvalidState):
        lifecycle.presign(upload)
    with pytest.raises(InvalidState):
        lifecycle.advance(upload)


def test_rename_is_recorded_and_keeps_the_key(alice: Any, bucket: Bucket) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    key = upload.key

    lifecycle.rename(upload, "other.txt", actor=alice)

    upload.refresh_from_db()
    assert (upload.filename, upload.key) == ("other.txt", key)
    assert upload.events.latest("id").detail == {
        "from": "notes.txt",
        "to": "other.txt",
    }
