"""Test which uploads get presigned URLs, and the lifetime of the URLs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.utils import timezone

from tests.support.builders import (
    MIB,
    begin,
    checksum,
    declare,
    let_time_pass,
    put,
)
from uploads import lifecycle
from uploads.errors import (
    InvalidRequest,
    InvalidState,
)
from uploads.lifecycle import WantedPart
from uploads.models import Upload
from uploads.s3.bucket import Bucket

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db


PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


def test_overdue_upload_gets_no_url(alice: Any, bucket: Bucket) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    upload.expires_at = timezone.now()

    with pytest.raises(InvalidState, match="past its deadline"):
        lifecycle.presign(upload)


def test_stale_row_of_an_overdue_upload_gets_no_url(alice: Any, bucket: Bucket) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    let_time_pass(days=7, seconds=1)

    with pytest.raises(InvalidState, match="past its deadline"):
        lifecycle.presign(upload)
    assert Upload.objects.get().urls_expire_at is None


def test_requests_for_urls_extend_the_deadline_by_at_most_a_day(
    alice: Any, bucket: Bucket
) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"", byte_size=20 * MIB))
    begun_at = upload.created_at

    def deadline_after(**span: float) -> timedelta:
        """Request a URL after this time.

        Return the time from the start to the deadline.
        """
        # Freeze the clock, because let_time_pass would also move created_at.
        with time_machine.travel(begun_at + timedelta(**span), tick=False):
            row = Upload.objects.get()
            lifecycle.presign_parts(row, [WantedPart(1, checksum(b"x"))])
        stored = Upload.objects.get()
        assert row.expires_at == stored.expires_at
        return stored.expires_at - begun_at

    assert deadline_after(days=1) == timedelta(days=7)
    assert deadline_after(days=5, hours=23) == timedelta(days=7)
    assert deadline_after(days=6, hours=12) == timedelta(days=7, hours=12)
    assert deadline_after(days=6, hours=18) == timedelta(days=7, hours=18)
    assert deadline_after(days=7, hours=17) == timedelta(days=8)
    assert deadline_after(days=7, hours=23) == timedelta(days=8)
    with pytest.raises(InvalidState, match="past its deadline"):
        deadline_after(days=8)


def test_last_url_expires_with_the_uploads_deadline(alice: Any, bucket: Bucket) -> None:
    upload = begin(alice)
    let_time_pass(days=7)
    Upload.objects.update(expires_at=timezone.now() + timedelta(minutes=5))
    Upload.objects.update(created_at=timezone.now() - timedelta(days=7, hours=23.95))
    upload.refresh_from_db()

    request = lifecycle.presign(upload)

    assert request is not None
    assert request.expires_at <= Upload.objects.get().expires_at


def test_url_request_sets_the_deadline_to_at_most_now_plus_the_lifetime(
    alice: Any, bucket: Bucket, settings: Settings
) -> None:
    settings.UPLOADS = {"LIFETIME_SECONDS": 3600}
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))

    with time_machine.travel(upload.created_at + timedelta(minutes=50), tick=False):
        lifecycle.presign(upload)

    assert upload.expires_at - upload.created_at == timedelta(minutes=110)


def test_url_request_keeps_the_deadline_if_the_extension_is_zero(
    alice: Any, bucket: Bucket, settings: Settings
) -> None:
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


def test_only_a_ready_upload_can_be_downloaded(alice: Any, bucket: Bucket) -> None:
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
