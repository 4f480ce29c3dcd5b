"""S3 is never called inside a transaction. Test the guard in tests/conftest.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from tests.support.builders import (
    MIB,
    begin,
    let_time_pass,
    make_ready,
    put,
    send_parts,
)
from tests.support.storage_faults import count_s3_calls
from uploads import lifecycle
from uploads.lifecycle.reconciliation import reconcile
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.upkeep.auditing import audit
from uploads.upkeep.sweeper import sweep

CONTENT = bytes(9 * MIB)


@pytest.fixture
def calls(bucket: Bucket) -> Iterator[Counter[str]]:
    """Collect the names of the operations that the site sends to the bucket."""
    with count_s3_calls(bucket) as seen:
        yield seen


@pytest.mark.django_db
@pytest.mark.parametrize("options", [{}, {"savepoint": False}, {"durable": True}])
def test_guard_fails_a_test_that_calls_s3_inside_a_transaction(
    bucket: Bucket, options: dict[str, Any]
) -> None:
    bucket.check()

    with (
        pytest.raises(pytest.fail.Exception, match="HeadBucket was called inside"),
        transaction.atomic(**options),
    ):
        bucket.check()
    bucket.check()


@pytest.mark.django_db(transaction=True)
def test_guard_works_in_a_test_without_a_transaction_of_pytest(bucket: Bucket) -> None:
    assert not connection.in_atomic_block

    with (
        pytest.raises(pytest.fail.Exception, match="called inside a transaction"),
        transaction.atomic(),
        transaction.atomic(),
    ):
        bucket.check()


def complete_one(bucket: Bucket, owner: Any) -> None:
    make_ready(bucket, owner)


def complete_parts(bucket: Bucket, owner: Any) -> None:
    upload = begin(owner, CONTENT, transport="multipart")
    send_parts(bucket, upload, CONTENT)
    lifecycle.advance(upload)


def reject(bucket: Bucket, owner: Any) -> None:
    upload = begin(owner, b"hello")
    put(bucket, upload, b"hello", ContentEncoding="gzip")
    lifecycle.advance(upload)


def delete(bucket: Bucket, owner: Any) -> None:
    lifecycle.remove(make_ready(bucket, owner), actor=owner)


def cancel(bucket: Bucket, owner: Any) -> None:
    upload = begin(owner, CONTENT, transport="multipart")
    send_parts(bucket, upload, CONTENT, 1)
    lifecycle.remove(upload, actor=owner)


def expire(bucket: Bucket, owner: Any) -> None:
    begin(owner, CONTENT, transport="multipart")
    let_time_pass(days=8)
    sweep()


def sweep_finds_object(bucket: Bucket, owner: Any) -> None:
    put(bucket, begin(owner), b"hello")
    let_time_pass(hours=1)
    sweep()


def sweep_deletes_late_object(bucket: Bucket, owner: Any) -> None:
    upload = make_ready(bucket, owner)
    lifecycle.remove(upload, actor=owner)
    put(bucket, upload, b"hello")
    let_time_pass(hours=1)
    sweep()


def run_audit(bucket: Bucket, owner: Any) -> None:
    make_ready(bucket, owner)
    list(audit())


def reconcile_pending(bucket: Bucket, owner: Any) -> None:
    upload = begin(owner)
    reconcile(upload)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("act", "operations"),
    [
        (complete_one, {"HeadObject", "GetObject"}),
        (complete_parts, {"CreateMultipartUpload", "ListParts"}),
        (complete_parts, {"CompleteMultipartUpload", "HeadObject"}),
        (reject, {"HeadObject", "DeleteObject"}),
        (delete, {"DeleteObject"}),
        (cancel, {"AbortMultipartUpload"}),
        (expire, {"AbortMultipartUpload"}),
        (sweep_finds_object, {"HeadObject"}),
        (sweep_deletes_late_object, {"DeleteObject"}),
        (run_audit, {"ListObjectsV2"}),
        (reconcile_pending, {"HeadObject"}),
    ],
)
def test_lifecycle_calls_s3_only_outside_transactions(
    bucket: Bucket,
    calls: Counter[str],
    alice: Any,
    act: Callable[[Bucket, Any], None],
    operations: set[str],
) -> None:
    # The guard fails the test for a wrong call. These names show that the test has made
    # all calls.
    act(bucket, alice)

    assert operations <= calls.keys()
    assert Upload.objects.exists()
