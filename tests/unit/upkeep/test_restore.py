"""After the restore of an older database, the sweeper removes all differences."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from tests.support.builders import begin, put
from uploads import lifecycle
from uploads.lifecycle.reconciliation import complete
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.states import State
from uploads.upkeep.auditing import audit
from uploads.upkeep.sweeper import sweep

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def owner() -> User:
    return User.objects.create_user("owner", password="demo")


@pytest.fixture
def dump() -> Iterator[sqlite3.Connection]:
    """Create an empty database for a dump."""
    copy = sqlite3.connect(":memory:")
    yield copy
    copy.close()


def site_database() -> Any:
    connection.ensure_connection()
    return connection.connection


def stored(bucket: Bucket, owner: User, content: bytes) -> Upload:
    upload = begin(owner, content)
    put(bucket, upload, content)
    complete(upload, actor=owner)
    return upload


def let_urls_expire() -> None:
    past = timezone.now() - timedelta(hours=1)
    Upload.objects.update(urls_expire_at=past, created_at=past)


def kinds() -> dict[str, str]:
    return {difference.subject: difference.kind for difference in audit()}


def test_audit_finds_no_difference_after_a_restore_and_the_grace_period(
    bucket: Bucket,
    owner: User,
    dump: sqlite3.Connection,
    capsys: pytest.CaptureFixture[str],
    settings: Settings,
) -> None:
    kept = stored(bucket, owner, b"kept")
    also_kept = stored(bucket, owner, b"also kept")
    removed = stored(bucket, owner, b"lost")
    arriving = begin(owner, b"arriving")
    site_database().backup(dump)

    lifecycle.remove(removed, actor=owner)
    put(bucket, arriving, b"arriving")
    complete(arriving, actor=owner)
    later = stored(bucket, owner, b"uploaded later")
    parts = begin(
        owner,
        b"",
        byte_size=40_000_000,
        transport="multipart",
        checksum_sha256="",
    )
    assert list(audit()) == []
    dump.backup(site_database())

    found = kinds()
    assert found[later.key] == "object without a row"
    assert found[removed.key] == "row without an object"
    assert found[parts.key] == "multipart upload of nobody"
    assert len(found) == 3

    let_urls_expire()
    assert sweep(dry_run=True).orphans == 0
    report = sweep()
    assert (report.completed, report.orphans, report.young_orphans) == (1, 0, 1)
    arriving.refresh_from_db()
    assert arriving.state == State.READY
    with pytest.raises(SystemExit):
        call_command("audit", "--delete-missing")
    assert "1 missing files were marked as deleted" in capsys.readouterr().out

    # During the grace period, nobody restores a row for the object.
    settings.UPLOADS = {**settings.UPLOADS, "ORPHAN_GRACE_SECONDS": 0}
    # In moto, all multipart uploads have a date of years ago, so the sweep aborts them.
    aborted = report.aborted
    report = sweep()
    assert (report.orphans, report.aborted + aborted) == (1, 1)
    sweep()

    assert list(audit()) == []
    for upload, content in ((kept, b"kept"), (also_kept, b"also kept")):
        assert bucket.read_range(upload.key, 0, 100) == content


def test_audit_deletes_no_row_if_the_bucket_may_be_the_wrong_one(
    bucket: Bucket, owner: User
) -> None:
    upload = stored(bucket, owner, b"hello")
    bucket.delete_object(upload.key)

    with pytest.raises(Exception, match="so S3_BUCKET or S3_KEY_PREFIX may be wrong"):
        call_command("audit", "--delete-missing")

    upload.refresh_from_db()
    assert upload.state == State.READY
