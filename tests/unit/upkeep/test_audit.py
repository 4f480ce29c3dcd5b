"""The audit reports each kind of difference between bucket, rows and quotas."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count, islice
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import begin, declare, make_ready, put
from tests.support.storage_faults import count_s3_calls
from uploads import lifecycle
from uploads.errors import StorageError
from uploads.models import StorageQuota, Upload
from uploads.s3.bucket import Bucket, ListedObject
from uploads.states import State, Transport
from uploads.upkeep.auditing import Progress, audit, in_order, paired

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def differences() -> list[tuple[str, str]]:
    return [(difference.kind, difference.subject) for difference in audit()]


def listed(key: str) -> ListedObject:
    return ListedObject(key=key, byte_size=5, etag="", modified_at=NOW)


def test_consistent_site_has_no_differences(alice: Any, bucket: Bucket) -> None:
    make_ready(bucket, alice)
    begin(alice)
    # The browser has stored this object, but has not called `complete`.
    put(bucket, begin(alice), b"hello")
    lifecycle.start(
        owner=alice, declaration=declare(b"hello", transport=Transport.MULTIPART)
    )
    lifecycle.remove(make_ready(bucket, alice))
    progress = Progress()

    assert list(audit(progress)) == []

    assert (progress.objects, progress.rows) == (2, 5)


def test_object_without_a_row_is_reported(alice: Any, bucket: Bucket) -> None:
    make_ready(bucket, alice)
    bucket.client.put_object(Bucket=bucket.name, Key="uploads/0", Body=b"?")
    bucket.client.put_object(Bucket=bucket.name, Key="uploads/z", Body=b"?")

    assert differences() == [
        ("object without a row", "uploads/0"),
        ("object without a row", "uploads/z"),
    ]


@pytest.mark.parametrize("state", [State.READY, State.INSPECTING])
def test_row_without_an_object_is_reported(
    alice: Any, bucket: Bucket, state: State
) -> None:
    upload = make_ready(bucket, alice)
    Upload.objects.update(state=state)
    StorageQuota.objects.all().delete()
    bucket.delete_object(upload.key)

    kinds = [kind for kind, _ in differences()]

    assert kinds == ["row without an object", "quota"]


def test_object_of_another_size_is_reported(alice: Any, bucket: Bucket) -> None:
    upload = make_ready(bucket, alice)
    put(bucket, upload, b"hello, world")

    [difference] = audit()

    assert (difference.kind, difference.subject) == ("size", upload.key)
    assert difference.detail == (
        f"the object has 12 bytes, but the row of upload {upload.pk} says 5"
    )


@pytest.mark.parametrize("ending", [State.CANCELLED, State.EXPIRED, State.REJECTED])
def test_object_of_an_ended_upload_is_reported(
    alice: Any, bucket: Bucket, ending: State
) -> None:
    upload = begin(alice)
    lifecycle.move(upload, ending)
    put(bucket, upload, b"hello")

    assert differences() == [("object of an upload that is over", upload.key)]


def test_wrong_quota_is_reported_and_not_changed(alice: Any, bucket: Bucket) -> None:
    make_ready(bucket, alice)
    StorageQuota.objects.update(used_bytes=7)

    assert differences() == [("quota", f"user {alice.pk}")]
    assert StorageQuota.objects.get().used_bytes == 7


def test_multipart_upload_without_a_row_is_reported(alice: Any, bucket: Bucket) -> None:
    over = begin(alice)
    lifecycle.remove(over)
    for key in (over.key, "uploads/nobody"):
        bucket.create_multipart_upload(key, content_type="text/plain")

    assert sorted(differences()) == sorted(
        ("multipart upload of nobody", key) for key in (over.key, "uploads/nobody")
    )


def test_upload_removed_during_the_audit_is_not_reported(
    alice: Any, bucket: Bucket
) -> None:
    uploads = [make_ready(bucket, alice) for _ in range(3)]
    progress = Progress(show=lambda _: lifecycle.remove(uploads[2]))

    assert list(audit(progress)) == []


def test_audit_needs_a_constant_number_of_queries_and_calls(
    alice: Any, bucket: Bucket
) -> None:
    def cost() -> tuple[int, int]:
        with (
            CaptureQueriesContext(
                connection,
            ) as queries,
            count_s3_calls(bucket) as calls,
        ):
            assert list(audit()) == []
        return len(queries), calls.total()

    make_ready(bucket, alice)
    one = cost()
    for _ in range(30):
        make_ready(bucket, alice)
        begin(alice)

    assert cost() == one


KEYS = st.text("ab/-_0", max_size=4)


@given(st.sets(KEYS), st.sets(KEYS))
def test_pairing_finds_the_same_pairs_as_a_comparison_of_sets(
    in_bucket: set[str], in_table: set[str]
) -> None:
    objects = iter([listed(key) for key in sorted(in_bucket)])
    rows = iter([Upload(key=key) for key in sorted(in_table)])

    pairs = [
        (entry and entry.key, row and row.key) for entry, row in paired(objects, rows)
    ]

    assert pairs == [
        (key if key in in_bucket else None, key if key in in_table else None)
        for key in sorted(in_bucket | in_table)
    ]


def test_pairing_keeps_only_one_item_of_each_list_in_memory() -> None:
    taken = []

    def endless() -> Iterator[str]:
        for number in count():
            taken.append(number)
            yield f"{number:09}"

    objects = (listed(key) for key in endless())
    rows = (Upload(key=f"{number:09}") for number in count())

    assert len(list(islice(paired(objects, rows), 1000))) == 1000
    assert len(taken) == 1000


def test_unsorted_list_of_objects_raises() -> None:
    with pytest.raises(StorageError, match="the key a after the key b"):
        list(in_order(iter([listed("b"), listed("a")])))


def test_keys_have_the_same_byte_order_in_both_lists(
    alice: Any, bucket: Bucket
) -> None:
    for name in ("a-b", "a/b", "a0", "a_b", "ab", "b"):
        upload = make_ready(bucket, alice)
        bucket.delete_object(upload.key)
        Upload.objects.filter(pk=upload.pk).update(key=f"uploads/{name}")
        upload.refresh_from_db()
        put(bucket, upload, b"hello")

    assert differences() == []
