"""Checks of the state after the injected faults."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.faults.client import Client
from tests.support.builders import event_kinds
from uploads.models import StorageQuota, Upload
from uploads.s3.bucket import get_bucket
from uploads.states import State
from uploads.upkeep.auditing import Difference, audit


def assert_ready_once(
    client: Client, upload_id: str, content: bytes, *, reopened: int = 0
) -> None:
    """Check that the upload is ready with these bytes and counts once in the quota.

    ``reopened`` is how often the site opened a new multipart upload for it.
    """
    row = Upload.objects.get(pk=upload_id)
    assert row.state == State.READY
    assert event_kinds(row) == [
        "upload.started",
        *["upload.reopened"] * reopened,
        "upload.inspecting",
        "upload.ready",
    ]
    assert _counters(row.owner_id) == (len(content), 1, 0, 0)
    assert client.sha256_of_download(upload_id) == hashlib.sha256(content).hexdigest()


def assert_ended_and_cleaned_up(upload_id: str, *, state: State) -> None:
    """Check that the upload has ended, without an object, parts or quota."""
    row = Upload.objects.get(pk=upload_id)
    assert row.state == state
    assert _counters(row.owner_id) == (0, 0, 0, 0)
    bucket = get_bucket()
    assert bucket.head_object(row.key) is None
    assert list(bucket.list_multipart_uploads(row.key)) == []


def audit_findings() -> set[Difference]:
    """Return the findings of the audit of bucket, rows and quotas."""
    return set(audit())


def _counters(owner_id: Any) -> tuple[int, int, int, int]:
    """Return used bytes, files, reserved bytes and reserved files of one owner."""
    quota = StorageQuota.objects.get(user=owner_id)
    return (
        quota.used_bytes,
        quota.file_count,
        quota.reserved_bytes,
        quota.reserved_files,
    )
