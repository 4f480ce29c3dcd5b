"""Completing a batch of small files."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.support.batches import (
    complete,
    content,
    declaration,
    send,
    start,
    store_objects,
)
from tests.support.queries import count_queries, plan_of
from tests.support.storage_faults import count_s3_calls
from uploads.lifecycle import completing_many, inspecting, quota
from uploads.models import Upload
from uploads.s3.bucket import Bucket

pytestmark = pytest.mark.django_db


def test_completing_a_batch_needs_a_constant_number_of_queries(
    browser: Client, bucket: Bucket
) -> None:
    start(browser, [declaration(n) for n in range(100)])
    more = [declaration(n) for n in range(100, 111)]
    start(browser, more)
    complete(browser, store_objects(bucket, [110]))
    ten = store_objects(bucket, range(100, 110))
    hundred = store_objects(bucket, range(100))

    counts = [count_queries(lambda: complete(browser, ids)) for ids in (ten, hundred)]  # noqa: B023

    assert counts[0] == counts[1]
    assert set(Upload.objects.values_list("state", flat=True)) == {"ready"}


def test_no_query_of_a_batch_reads_all_uploads_of_the_owner(
    browser: Client, bucket: Bucket
) -> None:
    items = [declaration(n, idempotency_key=f"key-{n}") for n in range(100)]
    with CaptureQueriesContext(connection) as seen:
        start(browser, items)
        complete(browser, store_objects(bucket, range(100)))

    queries = [query["sql"] for query in seen if '"uploads_upload"' in query["sql"]]
    queries = [one for one in queries if one.startswith(("SELECT", "UPDATE"))]
    steps = [step for query in queries for step in plan_of(query)]
    assert [step for step in steps if "(id=?)" in step]
    assert [step for step in steps if "(owner_id=? AND idempotency_key=?)" in step]
    assert not [step for step in steps if "(owner_id=?)" in step or "SCAN" in step]


def test_a_batch_with_ids_of_another_user_loads_none_of_the_rows(
    browser: Client,
) -> None:
    started = start(browser, [declaration(n) for n in range(3)])
    other = Client()
    other.force_login(User.objects.create_user("bob"))

    with CaptureQueriesContext(connection) as seen:
        results = complete(other, [one["upload"]["id"] for one in started])

    assert [result["status"] for result in results] == [404] * 3
    assert not [query for query in seen if '"checksum_sha256"' in query["sql"]]


def test_batch_completion_writes_the_same_rows_as_single_completions(
    browser: Client, alice: User, bucket: Bucket
) -> None:
    start(browser, [declaration(n) for n in range(3)])
    ids = store_objects(bucket, range(3))
    alone = send(browser, f"/uploads/{ids[0]}/complete", {}).json()

    results = complete(browser, ids[1:])

    assert [result["status"] for result in results] == [200, 200]
    assert results[0]["upload"].keys() == alone.keys()
    now = quota.usage(alice)
    assert (now.file_count, now.reserved_files, now.reserved_bytes) == (3, 0, 0)
    assert now.used_bytes == sum(len(content(n)) for n in range(3))
    rows = [Upload.objects.get(pk=pk) for pk in ids]
    for row in rows:
        assert row.etag
        assert row.object_checksum == row.checksum_sha256
        assert row.completed_at is not None
        assert row.checked_at is not None
        assert row.claimed_until is None
        kinds = row.events.order_by("pk").values_list("kind", flat=True)
        assert list(kinds)[2:] == ["upload.inspecting", "upload.ready"]
    assert rows[0].detected_type == rows[1].detected_type
    details = [row.events.get(kind="upload.inspecting").detail.keys() for row in rows]
    assert details[0] == details[1]


def test_batch_completion_returns_a_separate_result_for_each_failed_upload(
    browser: Client, bucket: Bucket, alice: User
) -> None:
    start(browser, [declaration(n) for n in range(5)])
    ids = store_objects(bucket, [0, 1, 2])
    changed = Upload.objects.get(pk=ids[1])
    bucket.client.put_object(
        Bucket=bucket.name,
        Key=changed.key,
        Body=b"other",
        ContentType="text/plain",
        ChecksumAlgorithm="SHA256",
    )
    missing = str(Upload.objects.get(filename="3.txt").pk)
    cancelled = str(Upload.objects.get(filename="4.txt").pk)
    browser.delete(f"/api/v1/uploads/{cancelled}")

    results = complete(browser, [*ids, missing, cancelled])

    assert [result["status"] for result in results] == [200, 200, 200, 409, 409]
    states = [result["upload"]["state"] for result in results[:3]]
    assert states == ["ready", "rejected", "ready"]
    assert results[3]["problem"]["missing_parts"] == [1]
    assert quota.usage(alice).file_count == 2


def test_rename_or_cancel_during_a_batch_completion_is_kept(
    browser: Client, bucket: Bucket, alice: User
) -> None:
    start(browser, [declaration(n) for n in range(3)])
    ids = store_objects(bucket, range(3))
    real = inspecting.verdict_in_advance

    def change_meanwhile(upload: Upload, *args: Any, **kwargs: Any) -> Any:
        rows = Upload.objects.filter(pk=upload.pk)
        if upload.filename == "1.txt":
            rows.update(filename="renamed.txt")
        if upload.filename == "2.txt":
            other = Client()
            other.force_login(alice)
            other.delete(f"/api/v1/uploads/{upload.pk}")
        return real(upload, *args, **kwargs)

    with mock.patch.object(completing_many, "verdict_in_advance", change_meanwhile):
        results = complete(browser, ids)

    assert [result["status"] for result in results] == [200, 200, 409]
    rows = [Upload.objects.get(pk=pk) for pk in ids]
    assert [row.state for row in rows] == ["ready", "ready", "cancelled"]
    assert rows[1].filename == "renamed.txt"
    now = quota.usage(alice)
    assert (now.file_count, now.reserved_files) == (2, 0)


def test_completing_a_batch_reads_each_small_object_by_one_request(
    browser: Client, bucket: Bucket
) -> None:
    start(browser, [declaration(n) for n in range(2)])
    ids = store_objects(bucket, range(2))

    with count_s3_calls(bucket) as calls:
        complete(browser, ids)

    assert calls == {"GetObject": 2}
