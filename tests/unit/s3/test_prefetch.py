"""The site reads many objects in parallel before their inspection."""

from __future__ import annotations

from uploads.s3.bucket import Bucket
from uploads.s3.prefetch import PrefetchedBucket, prefetch_objects


def put(bucket: Bucket, key: str, body: bytes) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key=key, Body=body)


def etag_of(bucket: Bucket, key: str) -> str:
    facts = bucket.head_object(key)
    assert facts is not None
    return facts.etag


def test_prefetched_object_needs_no_further_request(bucket: Bucket) -> None:
    put(bucket, "uploads/a", b"0123456789")
    seen = PrefetchedBucket(
        bucket, prefetch_objects(bucket, ["uploads/a"], head_bytes=100)
    )
    etag = etag_of(bucket, "uploads/a")
    bucket.delete_object("uploads/a")

    assert seen.head_object("uploads/a") is not None
    assert seen.read_range("uploads/a", 2, 3, etag=etag) == b"234"
    assert seen.read_range("uploads/a", 0, 4096, etag=etag) == b"0123456789"


def test_prefetch_remembers_that_an_object_is_missing(bucket: Bucket) -> None:
    seen = PrefetchedBucket(
        bucket, prefetch_objects(bucket, ["uploads/a"], head_bytes=100)
    )

    assert seen.head_object("uploads/a") is None


def test_bytes_outside_of_the_prefetch_are_requested(
    bucket: Bucket,
) -> None:
    put(bucket, "uploads/a", b"0123456789")
    put(bucket, "uploads/b", b"other")
    seen = PrefetchedBucket(
        bucket, prefetch_objects(bucket, ["uploads/a"], head_bytes=4)
    )
    etag = etag_of(bucket, "uploads/a")

    assert seen.read_range("uploads/a", 2, 6, etag=etag) == b"234567"
    assert seen.read_range("uploads/b", 0, 5, etag=etag_of(bucket, "uploads/b")) == (
        b"other"
    )


def test_object_whose_prefetch_failed_is_requested_later(bucket: Bucket) -> None:
    bucket.client.delete_bucket(Bucket=bucket.name)

    assert prefetch_objects(bucket, ["uploads/a"], head_bytes=4) == {}
