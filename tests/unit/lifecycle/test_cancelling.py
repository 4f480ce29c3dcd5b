"""A cancel releases the quota at once, and the sweeper deletes later bytes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from tests.support.builders import checksum, let_time_pass, put, quota_counts
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.upkeep.auditing import audit
from uploads.upkeep.sweeper import sweep

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

CONTENT = bytes(20)
ALLOWED = 5


def start(page: Client) -> Any:
    body = {
        "filename": "a.bin",
        "byte_size": len(CONTENT),
        "content_type": "application/octet-stream",
        "checksum_sha256": checksum(CONTENT),
    }
    return page.post("/api/v1/uploads", body, content_type="application/json")


def signed_by_cancelling(page: Client, *, tries: int) -> list[Upload]:
    """Start and cancel in a loop. Return the uploads that got a presigned URL."""
    signed = []
    for _ in range(tries):
        answer = start(page)
        if answer.status_code == 201:
            page.delete(f"/api/v1/uploads/{answer.json()['id']}")
            signed.append(Upload.objects.get(pk=answer.json()["id"]))
    return signed


@pytest.mark.parametrize("max_open", [1, 100])
def test_start_rate_limits_the_number_of_valid_urls_of_cancelled_uploads(
    client: Client, alice: Any, bucket: Bucket, settings: Settings, max_open: int
) -> None:
    settings.UPLOADS = {"RATE_START": f"{ALLOWED}/15minutes", "MAX_OPEN": max_open}
    client.force_login(alice)

    with time_machine.travel(timezone.now(), tick=False) as clock:
        signed = signed_by_cancelling(client, tries=2 * ALLOWED)
        assert len(signed) == ALLOWED
        assert quota_counts(alice) == (0, 0, 0, 0)
        # Before the rate limit admits so many starts again, all earlier URLs expire.
        clock.shift(timedelta(minutes=15))
        assert len(signed_by_cancelling(client, tries=2 * ALLOWED)) == ALLOWED
        assert all(
            row.urls_expire_at <= timezone.now() + timedelta(minutes=1)
            for row in signed
            if row.urls_expire_at
        )


def test_each_sweep_deletes_bytes_that_arrive_after_a_cancel(
    client: Client, alice: Any, bucket: Bucket
) -> None:
    client.force_login(alice)
    signed = signed_by_cancelling(client, tries=3)

    # A browser can use a URL several times before it expires.
    for _ in range(2):
        for upload in signed:
            put(bucket, upload, CONTENT)
        report = sweep()
        assert report.late_arrivals == len(signed)
        assert [bucket.head_object(upload.key) for upload in signed] == [None] * 3
        assert not Upload.objects.exclude(purged_at=None).exists()
        assert list(audit()) == []

    # This PUT started before its URL expired.
    let_time_pass(minutes=20)
    assert sweep().purged == len(signed)
    put(bucket, signed[0], CONTENT)
    assert sweep().late_arrivals == 1
    assert bucket.head_object(signed[0].key) is None
    assert list(audit()) == []
    assert quota_counts(alice) == (0, 0, 0, 0)
