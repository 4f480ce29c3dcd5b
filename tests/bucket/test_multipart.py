"""Join, list and abort multipart uploads."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.bucket.attacks import send_parts, start_multipart
from tests.bucket.stores import (
    BODY,
    CONTENT_TYPE,
    OTHER_BODY,
    Store,
    sha256,
)
from uploads.errors import (
    NoSuchMultipartUpload,
    ObjectExists,
    PartsRefused,
)
from uploads.s3.bucket import Bucket
from uploads.s3.checksums import SHA256
from uploads.s3.part_plan import MIB, PartPlan

S3_MIN_PART_SIZE = 5 * MIB


def test_parts_are_joined_to_one_object(store: Store) -> None:
    key, multipart_id = start_multipart(store)
    bodies = [b"1" * S3_MIN_PART_SIZE, b"2" * S3_MIN_PART_SIZE, b"3"]
    parts = send_parts(store, key, multipart_id, bodies)

    store.bucket.complete_multipart_upload(
        key, multipart_id, parts, byte_size=sum(map(len, bodies))
    )

    facts = store.bucket.head_object(key)
    assert facts is not None
    assert facts.byte_size == 2 * S3_MIN_PART_SIZE + 1
    assert facts.content_type == CONTENT_TYPE
    assert facts.content_disposition == "attachment"
    joint = store.bucket.read_range(key, S3_MIN_PART_SIZE - 1, 2)
    assert joint == b"12"
    assert list(store.bucket.list_multipart_uploads(key)) == []


def test_second_completion_does_not_change_the_object(store: Store) -> None:
    key, multipart_id = start_multipart(store)
    parts = send_parts(store, key, multipart_id, [BODY])
    complete = store.bucket.complete_multipart_upload
    complete(key, multipart_id, parts, byte_size=len(BODY))
    before = store.bucket.head_object(key)

    if store.name == "moto":  # moto accepts the second completion
        complete(key, multipart_id, parts, byte_size=len(BODY))
    else:
        with pytest.raises(ObjectExists):
            complete(key, multipart_id, parts, byte_size=len(BODY))

    assert store.bucket.head_object(key) == before


def test_completion_never_replaces_an_object(store: Store) -> None:
    key, multipart_id = start_multipart(store)
    parts = send_parts(store, key, multipart_id, [OTHER_BODY])
    store.send(store.put(key))

    with pytest.raises(ObjectExists):
        store.bucket.complete_multipart_upload(
            key, multipart_id, parts, byte_size=len(OTHER_BODY)
        )

    assert store.stored(key) == BODY


def test_completion_joins_only_the_listed_parts(store: Store) -> None:
    key, multipart_id = start_multipart(store)
    parts = send_parts(store, key, multipart_id, [BODY])
    store.send(store.part(key, multipart_id, 1, OTHER_BODY))
    complete = store.bucket.complete_multipart_upload

    if store.name == "moto":
        with pytest.raises(PartsRefused):
            complete(key, multipart_id, parts, byte_size=len(BODY))
        assert store.stored(key) is None
    else:  # SeaweedFS has kept the part with the listed ETag
        complete(key, multipart_id, parts, byte_size=len(BODY))
        assert store.stored(key) == BODY


def test_completion_refuses_a_part_that_was_never_sent(store: Store) -> None:
    key, multipart_id = start_multipart(store)
    [part] = send_parts(store, key, multipart_id, [BODY])
    invented = replace(part, etag='"0123456789abcdef0123456789abcdef"')

    with pytest.raises(PartsRefused):
        store.bucket.complete_multipart_upload(
            key, multipart_id, [invented], byte_size=len(BODY)
        )

    assert store.stored(key) is None


def test_checksums_of_parts_given_by_the_caller_give_the_object_a_checksum(
    seaweed: Store,
) -> None:
    key = seaweed.new_key()
    multipart_id = seaweed.bucket.create_multipart_upload(
        key, content_type=CONTENT_TYPE, has_checksums=True
    )
    [part] = send_parts(seaweed, key, multipart_id, [BODY])
    assert part.checksum_sha256 is None
    complete = seaweed.bucket.complete_multipart_upload

    wrong = replace(part, checksum_sha256=sha256(OTHER_BODY))
    with pytest.raises(PartsRefused):
        complete(key, multipart_id, [wrong], byte_size=len(BODY))
    right = replace(part, checksum_sha256=sha256(BODY))
    complete(key, multipart_id, [right], byte_size=len(BODY))

    facts = seaweed.bucket.head_object(key)
    assert facts is not None
    assert facts.checksum_sha256 == SHA256.join(
        [hashlib.sha256(BODY).digest()], PartPlan(len(BODY), len(BODY))
    )


def test_part_below_five_mib_is_refused_unless_it_is_the_last(store: Store) -> None:
    key, multipart_id = start_multipart(store)
    parts = send_parts(store, key, multipart_id, [BODY, BODY])

    with pytest.raises(PartsRefused):
        store.bucket.complete_multipart_upload(
            key, multipart_id, parts, byte_size=2 * len(BODY)
        )


def test_abort_removes_the_parts_and_invalidates_their_urls(store: Store) -> None:
    key, multipart_id = start_multipart(store)
    send_parts(store, key, multipart_id, [BODY])

    store.bucket.abort_multipart_upload(key, multipart_id)
    store.bucket.abort_multipart_upload(key, multipart_id)

    with pytest.raises(NoSuchMultipartUpload):
        list(store.bucket.list_parts(key, multipart_id))
    late = store.send(store.part(key, multipart_id))
    assert late.status == (500 if store.name == "moto" else 404)


def test_abort_after_the_completion_keeps_the_object(store: Store) -> None:
    key, multipart_id = start_multipart(store)
    parts = send_parts(store, key, multipart_id, [BODY])
    store.bucket.complete_multipart_upload(
        key, multipart_id, parts, byte_size=len(BODY)
    )

    store.bucket.abort_multipart_upload(key, multipart_id)

    assert store.stored(key) == BODY


def test_parts_are_listed_once_and_in_order(seaweed: Store) -> None:
    key, multipart_id = start_multipart(seaweed)
    for number in (1001, 10_000, 2, 1000, 2, 9_999, 1):
        seaweed.send(seaweed.part(key, multipart_id, number))

    parts = seaweed.bucket.list_parts(key, multipart_id)

    assert [part.part_number for part in parts] == [1, 2, 1000, 1001, 9_999, 10_000]


def test_parts_are_read_to_the_last_page(store: Store) -> None:
    small = Bucket(client=store.bucket.client, name=store.bucket.name, page_size=2)
    key, multipart_id = start_multipart(store)
    parts = send_parts(store, key, multipart_id, [b"%d" % n for n in range(5)])

    assert [part.part_number for part in parts] == [1, 2, 3, 4, 5]
    assert small.list_parts(key, multipart_id) == parts


def test_more_than_a_thousand_parts_are_all_listed(seaweed: Store) -> None:
    # This is more than any server returns in one page.
    key, multipart_id = start_multipart(seaweed)

    def send(number: int) -> int:
        return seaweed.send(seaweed.part(key, multipart_id, number, b"x")).status

    with ThreadPoolExecutor(4) as threads:
        statuses = set(threads.map(send, range(1, 1003)))

    parts = list(seaweed.bucket.list_parts(key, multipart_id))
    assert statuses == {200}
    assert [part.part_number for part in parts] == list(range(1, 1003))
