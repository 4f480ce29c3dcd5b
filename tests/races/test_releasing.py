"""Many operators release one upload at the same time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.races.files import declare, send
from tests.races.threads import at_once, race
from tests.support.inspectors import entries
from uploads import lifecycle
from uploads.errors import UploadError
from uploads.lifecycle import quota
from uploads.lifecycle.reconciliation import complete
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.states import State

pytestmark = pytest.mark.usefixtures("check_consistency")


@pytest.fixture
def refused(alice: Any, bucket: Bucket, settings: Any) -> Any:
    settings.UPLOADS = {**settings.UPLOADS, "QUARANTINE_PREFIX": "quarantine/"}
    settings.INSPECTORS = entries("Refusing")
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    send(upload, b"hello")
    yield lifecycle.advance(upload)
    bucket.delete_object(upload.quarantine_key)


def release(upload: Upload) -> Any:
    made = lifecycle.begin_release(Upload.objects.get(pk=upload.pk), actor=None)
    return complete(made).pk


def test_16_concurrent_releases_create_one_upload(alice: Any, refused: Upload) -> None:
    made = at_once(lambda: release(refused), threads=16)

    [row] = Upload.objects.filter(released_from=refused)
    assert set(made) == {row.pk}
    assert row.state == State.READY
    assert refused.events.filter(kind="upload.released").count() == 1
    now = quota.usage(alice)
    assert (now.used_bytes, now.reserved_bytes, now.file_count) == (5, 0, 1)


def test_release_during_the_removal_of_the_refused_file_is_consistent(
    alice: Any, refused: Upload
) -> None:
    def remove() -> None:
        lifecycle.remove(Upload.objects.get(pk=refused.pk), actor=alice)

    outcomes = race([lambda: release(refused), remove])

    rows = Upload.objects.filter(released_from=refused)
    if isinstance(outcomes[0], UploadError):
        assert list(rows) == []
    else:
        assert [row.state for row in rows] == [State.READY]
