"""Objects: facts, ranges, lists and deletion."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.bucket.attacks import store_object
from tests.bucket.stores import (
    BODY,
    CONTENT_TYPE,
    Store,
)
from uploads.errors import (
    StorageUnavailable,
)
from uploads.s3.bucket import Bucket


def test_missing_object_has_no_facts(store: Store) -> None:
    assert store.bucket.head_object(store.new_key()) is None


def test_missing_bucket_is_an_error_and_no_missing_object(store: Store) -> None:
    elsewhere = Bucket(client=store.bucket.client, name="slipway-nowhere")

    with pytest.raises(StorageUnavailable):
        elsewhere.head_object("uploads/a")
    with pytest.raises(StorageUnavailable):
        elsewhere.check()


def test_check_of_an_existing_bucket_succeeds(store: Store) -> None:
    store.bucket.check()


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [
        (0, 7, b"exactly"),
        (0, 4096, BODY),
        (8, 5, b"these"),
        (len(BODY) - 1, 10, b"s"),
        (len(BODY), 1, b""),
        (1000, 1, b""),
        (3, 0, b""),
    ],
)
def test_range_of_an_object_is_read(
    store: Store, start: int, length: int, expected: bytes
) -> None:
    key = store_object(store)

    assert store.bucket.read_range(key, start, length) == expected


def test_range_of_an_empty_object_is_empty(store: Store) -> None:
    key = store_object(store, b"")

    assert store.bucket.read_range(key, 0, 4096) == b""


def test_range_with_another_etag_is_refused(store: Store) -> None:
    key = store_object(store)
    facts = store.bucket.head_object(key)
    assert facts is not None

    same = store.bucket.read_range(key, 0, 7, etag=facts.etag)

    assert same == b"exactly"
    with pytest.raises(StorageUnavailable):
        store.bucket.read_range(key, 0, 7, etag='"0123456789abcdef"')


def test_object_can_be_deleted_twice(store: Store) -> None:
    key = store_object(store)

    store.bucket.delete_object(key)
    store.bucket.delete_object(key)

    assert store.bucket.head_object(key) is None


def test_lists_are_read_to_the_last_page(store: Store) -> None:
    small = Bucket(client=store.bucket.client, name=store.bucket.name, page_size=2)
    prefix = f"{store.new_key()}/"
    keys = [f"{prefix}{number}" for number in range(5)]
    for key in keys:
        store.send(store.put(key))
    opened = {
        (key, store.bucket.create_multipart_upload(key, content_type=CONTENT_TYPE))
        for key in (f"{prefix}open/{number}" for number in range(5))
    }

    objects = list(small.list_objects(prefix))
    uploads = list(small.list_multipart_uploads(prefix))

    assert [found.key for found in objects] == keys
    assert {found.byte_size for found in objects} == {len(BODY)}
    assert [
        found.key for found in small.list_objects(prefix, start_after=keys[1])
    ] == keys[2:]
    assert {(found.key, found.multipart_id) for found in uploads} == opened
    for found in uploads:
        age = datetime.now(UTC) - found.started_at
        # In moto, every multipart upload has the same date in 2010.
        assert store.name == "moto" or abs(age) < timedelta(minutes=5)
        store.bucket.abort_multipart_upload(found.key, found.multipart_id)
