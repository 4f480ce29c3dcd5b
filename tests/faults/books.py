"""What must be true when the trouble is over."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.faults.client import Client
from tests.support.builders import kinds
from uploads.models import StorageQuota, Upload
from uploads.s3.bucket import get_bucket
from uploads.states import State
from uploads.upkeep.auditing import Difference, audit


def assert_ready_once(
    client: Client, upload_id: str, content: bytes, *, reopened: int = 0
) -> None:
    """The file is there, byte for byte, and was charged for once, alone.

    ``reopened``: how often all parts were asked for again.
    """
    row = Upload.objects.get(pk=upload_id)
    assert row.state == State.READY
    assert kinds(row) == [
        "upload.started",
        *["upload.reopened"] * reopened,
        "upload.inspecting",
        "upload.ready",
    ]
    assert _counters(row.owner_id) == (len(content), 1, 0, 0)
    assert client.sha256_of_download(upload_id) == hashlib.sha256(content).hexdigest()


def assert_nothing_left(upload_id: str, *, state: State) -> None:
    """The upload is over: no object, no parts, no byte of quota."""
    row = Upload.objects.get(pk=upload_id)
    assert row.state == state
    assert _counters(row.owner_id) == (0, 0, 0, 0)
    bucket = get_bucket()
    assert bucket.head_object(row.key) is None
    assert list(bucket.list_multipart_uploads(row.key)) == []


def differences() -> set[Difference]:
    """Return what the audit of bucket, table and quotas finds."""
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
