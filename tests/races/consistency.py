"""Checks after each race: rows, quotas, events and bucket must agree."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from django.utils import timezone

from tests.support.builders import event_kinds
from uploads import lifecycle
from uploads.conf import options
from uploads.models import StorageQuota, Upload
from uploads.s3.bucket import Bucket
from uploads.states import State

UNFINISHED = {State.PENDING, State.INSPECTING}
ENDED = {State.REJECTED, State.EXPIRED, State.CANCELLED, State.DELETED}


def assert_consistent(bucket: Bucket) -> None:
    """Check quotas and events, purge ended uploads, and check the bucket."""
    assert_quotas_add_up()
    assert_events_match_states()
    purge_ended_uploads()
    assert_bucket_has_no_ended_uploads(bucket)


def assert_quotas_add_up() -> None:
    """Check that each quota's counters are the sums over its rows."""
    for quota in StorageQuota.objects.all():
        rows = list(Upload.objects.filter(owner=quota.user_id))
        ready = [row.byte_size for row in rows if row.state == State.READY]
        reserved = [row.byte_size for row in rows if row.state in UNFINISHED]
        assert (
            quota.used_bytes,
            quota.file_count,
            quota.reserved_bytes,
            quota.reserved_files,
        ) == (sum(ready), len(ready), sum(reserved), len(reserved))


EVENTS_WITHOUT_MOVE = {
    "upload.renamed",
    "upload.reopened",
    "upload.release_requested",
    "upload.released",
}


def assert_events_match_states() -> None:
    """Check that each change of the state has one event, the last for this state."""
    for upload in Upload.objects.all():
        received = event_kinds(upload)
        moves = [kind for kind in received if kind not in EVENTS_WITHOUT_MOVE]
        assert max(Counter(moves).values()) == 1, received
        assert moves[0] == "upload.started", received
        if upload.state != State.PENDING:
            assert moves[-1] == f"upload.{upload.state}", received


def purge_ended_uploads() -> None:
    """Let all URLs expire, and delete the objects and parts of ended uploads."""
    past = timezone.now() - timedelta(seconds=1)
    unpurged = Upload.objects.filter(state__in=ENDED, purged_at=None)
    unpurged.filter(urls_expire_at__isnull=False).update(urls_expire_at=past)
    for upload in unpurged:
        assert lifecycle.purge(upload)
        assert upload.purged_at is not None


def assert_bucket_has_no_ended_uploads(bucket: Bucket) -> None:
    """Check that stored uploads have objects and ended uploads have none."""
    prefix = options().key_prefix
    objects = {entry.key for entry in bucket.list_objects(prefix)}
    opened = {entry.multipart_id for entry in bucket.list_multipart_uploads(prefix)}
    rows = list(Upload.objects.all())
    stored = {row.key for row in rows if row.state in {State.READY, State.INSPECTING}}
    pending = [row for row in rows if row.state == State.PENDING]

    assert stored <= objects
    assert objects <= stored | {row.key for row in pending}
    assert opened == {row.multipart_id for row in pending if row.multipart_id}
