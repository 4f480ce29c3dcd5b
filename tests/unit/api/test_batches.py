"""Starting a batch of small files."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.support.batches import (
    declaration,
    send,
    start,
)
from tests.support.queries import count_queries
from uploads.conf import options
from uploads.lifecycle import quota
from uploads.models import AuditEvent, StorageQuota, Upload

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db


def columns_of(upload_id: str) -> dict[str, Any]:
    rows: Any = Upload.objects.filter(pk=upload_id).values()
    return dict(rows.get())


def test_starting_a_batch_needs_a_constant_number_of_queries(
    browser: Client,
) -> None:
    # This start creates the rows of the session, the quota and the rate limits.
    start(browser, [declaration(0)])

    counts = [
        count_queries(lambda: start(browser, [declaration(n) for n in range(count)]))  # noqa: B023
        for count in (10, 100)
    ]

    assert counts[0] == counts[1]
    assert Upload.objects.count() == 111


def test_a_single_start_writes_the_upload_only_once(browser: Client) -> None:
    """A second write would change all indexes again, which is slow in a large table."""
    with CaptureQueriesContext(connection) as seen:
        answer = send(browser, "/uploads", declaration(0))

    assert answer.status_code == 201
    tables = (
        'INTO "uploads_upload"',
        'UPDATE "uploads_upload"',
        '"uploads_auditevent"',
    )
    counts = [sum(table in query["sql"] for query in seen) for table in tables]
    assert counts == [1, 0, 1]


def test_batch_start_writes_the_same_rows_as_single_starts(
    browser: Client, alice: User
) -> None:
    alone = send(browser, "/uploads", declaration(0)).json()
    [first, second] = start(browser, [declaration(0), declaration(1)])

    batched = first["upload"]
    assert first["status"] == second["status"] == 201
    assert batched.keys() == alone.keys()
    assert batched["request"]["headers"] == alone["request"]["headers"]
    assert batched["filename"] == "0.txt"
    assert quota.usage(alice).reserved_files == 3
    rows = {str(row.pk): row for row in Upload.objects.all()}
    for shown in (alone, batched, second["upload"]):
        row = rows[shown["id"]]
        assert row.search_name == row.filename
        assert row.urls_expire_at is not None
        assert row.urls_expire_at > row.created_at
        kinds = AuditEvent.objects.filter(upload=row).order_by("pk")
        assert [event.kind for event in kinds] == ["upload.started", "upload.presigned"]
        assert [event.actor_id for event in kinds] == [alice.pk, alice.pk]
    details = [
        event.detail.keys()
        for event in AuditEvent.objects.filter(kind="upload.presigned")
    ]
    assert details[0] == details[1] == details[2]


def test_rows_and_events_of_a_batch_keep_the_order_of_the_request(
    browser: Client, alice: User
) -> None:
    start(browser, [declaration(number) for number in range(20)])

    newest = Upload.objects.filter(owner=alice).newest(limit=20)
    assert [row.filename for row in newest] == [f"{n}.txt" for n in range(19, -1, -1)]
    events = AuditEvent.objects.filter(kind="upload.started").order_by("pk")
    assert [event.upload_id for event in events] == [row.pk for row in newest[::-1]]


def test_uploads_of_a_batch_have_the_columns_of_a_single_start(
    browser: Client, alice: User
) -> None:
    declared = declaration(
        0,
        last_modified="2026-11-20T10:00:00.5Z",
        fingerprint=declaration(1)["checksum_sha256"],
        relative_path="a/b",
    )
    alone = send(browser, "/uploads", declared).json()
    batch = start(
        browser,
        [
            {**declared, "transport": transport, "idempotency_key": transport}
            for transport in ("put", "post", "multipart")
        ],
    )

    single = columns_of(alone["id"])
    differing = {
        *("id", "key", "idempotency_key", "created_at", "expires_at"),
        "urls_expire_at",
    }
    assert single["expires_at"] - single["created_at"] == timedelta(
        seconds=options().lifetime_seconds
    )
    for result in batch:
        row = columns_of(result["upload"]["id"])
        expected = dict(single)
        expected["transport"] = result["upload"]["transport"]
        if row["transport"] == "multipart":
            expected |= {"part_size": row["part_size"], "checksum_sha256": ""}
            expected |= {"multipart_id": row["multipart_id"], "urls_expire_at": None}
            assert row["urls_expire_at"] is None
        assert {name for name in row if row[name] != expected[name]} <= differing
        lifetime = row["expires_at"] - row["created_at"]
        assert 0 <= options().lifetime_seconds - lifetime.total_seconds() < 60


def test_times_in_responses_have_the_format_of_the_django_encoder(
    browser: Client,
) -> None:
    [result] = start(
        browser, [declaration(0, last_modified="2026-11-20T10:00:00.123456Z")]
    )

    shown, row = result["upload"], Upload.objects.get()
    names = ("created_at", "expires_at", "last_modified")
    expected = json.loads(DjangoJSONEncoder().encode([getattr(row, n) for n in names]))
    assert [shown[name] for name in names] == expected
    assert shown["last_modified"] == "2026-11-20T10:00:00.123Z"
    assert shown["completed_at"] is None


def test_batch_over_the_quota_admits_the_files_that_fit_in_order(
    browser: Client, alice: User
) -> None:
    StorageQuota.objects.create(user=alice, limit_bytes=100)
    sizes = [60, 50, 30, 20, 10, 1]

    results = start(
        browser, [declaration(n, byte_size=size) for n, size in enumerate(sizes)]
    )

    assert [result["status"] for result in results] == [201, 403, 201, 403, 201, 403]
    assert results[1]["problem"]["code"] == "quota_exceeded"
    assert quota.usage(alice).reserved_bytes == 100
    assert sorted(Upload.objects.values_list("byte_size", flat=True)) == [10, 30, 60]
    assert AuditEvent.objects.filter(kind="upload.started").count() == 3


@pytest.mark.parametrize("limit", ["max_files", "max_open"])
def test_batch_refuses_files_above_the_limit_of_files(
    browser: Client, alice: User, limit: str
) -> None:
    StorageQuota.objects.create(user=alice, **{limit: 3})

    results = start(browser, [declaration(n) for n in range(5)])

    assert [result["status"] for result in results] == [201, 201, 201, 403, 403]
    assert Upload.objects.count() == quota.usage(alice).reserved_files == 3


def test_first_batch_of_an_account_is_admitted(browser: Client, alice: User) -> None:
    results = start(browser, [declaration(n) for n in range(3)])

    assert [result["status"] for result in results] == [201] * 3
    assert quota.usage(alice).reserved_files == 3


def test_refused_items_of_a_batch_use_no_quota(
    browser: Client, settings: Settings
) -> None:
    settings.UPLOADS = settings.UPLOADS | {"MAX_FILE_SIZE": 1000}
    items = [
        declaration(0),
        declaration(1, byte_size=1001),
        declaration(2, checksum_sha256=None),
        declaration(3),
    ]

    statuses = [result["status"] for result in start(browser, items)]

    assert statuses == [201, 413, 422, 201]
    assert Upload.objects.count() == 2


def test_repeated_batch_returns_the_same_uploads(browser: Client) -> None:
    items = [declaration(0), declaration(1)]
    key = {"Idempotency-Key": "mine"}

    first = start(browser, items, **key)
    again = start(browser, [*items, declaration(2)], **key)
    other = start(browser, [declaration(5)], **key)

    ids = [result["upload"]["id"] for result in first]
    assert [result["upload"]["id"] for result in again][:2] == ids
    assert again[0]["upload"]["request"]["url"]
    assert other[0]["status"] == 422
    assert Upload.objects.count() == 3


def test_items_with_an_idempotency_key_are_found_in_any_batch(browser: Client) -> None:
    mine, other = (
        declaration(number, idempotency_key=f"key-{number}") for number in range(2)
    )
    first = start(browser, [mine, declaration(2)], **{"Idempotency-Key": "batch"})

    again = start(browser, [declaration(2), other, mine])
    alone = declaration(0)
    headers = {"Idempotency-Key": "key-0"}
    answer = send(browser, "/uploads", alone, **headers).json()

    assert again[2]["upload"]["id"] == first[0]["upload"]["id"] == answer["id"]
    assert Upload.objects.count() == 4
    assert Upload.objects.filter(idempotency_key="batch/1").count() == 1


def test_reused_idempotency_key_returns_the_upload_or_refuses_another_file(
    browser: Client,
) -> None:
    key = {"idempotency_key": "one"}

    same = start(browser, [declaration(0, **key), declaration(0, **key)])
    other = start(browser, [declaration(1, **key), declaration(2)])

    assert same[0]["upload"]["id"] == same[1]["upload"]["id"]
    assert [result["status"] for result in other] == [422, 201]
    assert Upload.objects.count() == 2
    assert quota.usage(User.objects.get()).reserved_files == 2


@pytest.mark.parametrize("key", ["", "two words", "k" * 201, "\n"])
def test_invalid_idempotency_key_of_an_item_is_refused(
    browser: Client, key: str
) -> None:
    item = declaration(0, idempotency_key=key)

    answer = send(browser, "/uploads/batch", {"uploads": [item]})

    assert answer.status_code == 422
    assert Upload.objects.count() == 0


def test_batch_returns_the_uploads_of_a_concurrent_batch_with_the_same_key(
    browser: Client,
) -> None:
    # Both batches have looked for the keys before one of them created the rows.
    items, key = [declaration(0), declaration(1)], {"Idempotency-Key": "mine"}
    first = start(browser, items, **key)

    with mock.patch("uploads.lifecycle.starting_many._known", return_value={}):
        again = start(browser, items, **key)

    assert [one["upload"]["id"] for one in again] == [
        one["upload"]["id"] for one in first
    ]
    assert Upload.objects.count() == 2


def test_large_files_of_a_batch_open_multipart_uploads(browser: Client) -> None:
    large = declaration(0, byte_size=40 * 1024**2, checksum_sha256=None)

    results = start(browser, [large, declaration(1)])

    assert results[0]["upload"]["part_count"] == 3
    assert Upload.objects.get(transport="multipart").multipart_id
    assert results[1]["upload"]["request"]["method"] == "PUT"
