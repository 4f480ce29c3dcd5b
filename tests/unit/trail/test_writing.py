"""The site records events about uploads, and cleans their details."""

from __future__ import annotations

import json
from typing import Any

import pytest
import structlog
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.support.builders import (
    MIB,
    begin,
    checksum,
    declare,
    make_ready,
    put,
    send_parts,
)
from uploads import lifecycle
from uploads.errors import InvalidState
from uploads.lifecycle import WantedPart
from uploads.models import AuditEvent, Upload
from uploads.s3.bucket import Bucket
from uploads.states import State
from uploads.trail.writing import MAX_ITEMS, MAX_TEXT, numbers_in_ranges, record

pytestmark = pytest.mark.django_db


def only_event(kind: str) -> AuditEvent:
    return AuditEvent.objects.get(kind=kind)


def test_start_event_contains_the_declaration(alice: Any, bucket: Bucket) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))

    event = only_event("upload.started")
    assert (event.actor, event.user, event.upload) == (alice, alice, upload)
    assert event.detail == {
        "key": upload.key,
        "transport": "put",
        "byte_size": 5,
        "content_type": "text/plain",
        "checksum_sha256": checksum(b"hello"),
    }


def test_inspecting_event_contains_etag_and_checksum(
    alice: Any, bucket: Bucket
) -> None:
    upload = make_ready(bucket, alice)

    detail = only_event("upload.inspecting").detail
    assert detail["etag"] == upload.etag
    assert detail["object_checksum"] == checksum(b"hello")


def test_presigning_a_batch_of_parts_writes_one_event(
    alice: Any, bucket: Bucket
) -> None:
    upload = lifecycle.start(
        owner=alice, declaration=declare(b"", byte_size=200 * 16 * MIB)
    )
    wanted = [WantedPart(number, checksum(b"x")) for number in (*range(1, 100), 150)]

    with CaptureQueriesContext(connection) as queries:
        lifecycle.presign_parts(upload, wanted)

    event = only_event("upload.presigned")
    assert event.detail["parts"] == "1-99,150"
    assert event.detail["part_count"] == 100
    assert event.detail["expires_at"] < upload.urls_expire_at.isoformat()  # type: ignore[union-attr]
    written = [q["sql"] for q in queries if q["sql"].startswith(("INSERT", "UPDATE"))]
    assert len(written) == 3  # the row, the checksums of the parts, and the event


def test_each_presigned_url_writes_one_event_without_the_url(
    alice: Any, bucket: Bucket
) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    signed = [lifecycle.presign(upload), lifecycle.presign(upload)]

    events = AuditEvent.objects.filter(kind="upload.presigned", upload=upload)
    assert [event.detail["transport"] for event in events] == ["put", "put"]
    recorded = json.dumps([event.detail for event in events])
    assert "http" not in recorded
    assert "X-Amz" not in recorded
    assert all(signed)


def test_refused_presigning_writes_no_event(alice: Any, bucket: Bucket) -> None:
    upload = lifecycle.start(owner=alice, declaration=declare(b"hello"))
    Upload.objects.filter(pk=upload.pk).update(state=State.CANCELLED)

    with pytest.raises(InvalidState):
        lifecycle.presign(upload)

    assert not AuditEvent.objects.filter(kind="upload.presigned").exists()


@pytest.mark.parametrize(
    ("numbers", "ranges"),
    [([], ""), ([7], "7"), ([3, 1, 2], "1-3"), ([1, 3, 4, 9, 10, 11], "1,3-4,9-11")],
)
def test_numbers_are_formatted_as_ranges(numbers: list[int], ranges: str) -> None:
    assert numbers_in_ranges(numbers) == ranges


@pytest.mark.parametrize(
    ("sent", "changes", "cause"),
    [
        (b"hello, world", {}, "size_differs"),
        (b"HELLO", {}, "checksum_differs"),
        (b"hello", {"ContentType": "text/html"}, "type_differs"),
        (b"hello", {"ContentEncoding": "gzip"}, "headers"),
    ],
)
def test_rejected_event_has_a_cause(
    alice: Any,
    bucket: Bucket,
    sent: bytes,
    changes: dict[str, str],
    cause: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    upload = begin(alice)
    facts = {"ContentType": "text/plain", **changes}
    bucket.client.put_object(
        Bucket=bucket.name,
        Key=upload.key,
        Body=sent,
        ChecksumAlgorithm="SHA256",
        **facts,  # type: ignore[arg-type]
    )

    lifecycle.advance(upload)

    detail = only_event("upload.rejected").detail
    assert detail["cause"] == cause
    assert detail["reason"] == upload.rejected_reason
    [line] = [r for r in caplog.records if "upload.rejected" in str(r.msg)]
    assert line.levelname == "WARNING"
    assert line.msg["cause"] == cause  # type: ignore[index]
    assert line.msg["owner"] == alice.pk  # type: ignore[index]


def test_rejection_because_of_the_content_has_a_cause(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice, b"MZ\x90\x00" + bytes(60), content_type="image/png")
    put(bucket, upload, b"MZ\x90\x00" + bytes(60))

    lifecycle.advance(upload)

    assert only_event("upload.rejected").detail["cause"] == "content"


def test_multipart_upload_writes_all_events_in_order(
    alice: Any, bucket: Bucket
) -> None:
    content = bytes(16 * MIB + 1)
    upload = lifecycle.start(
        owner=alice, declaration=declare(b"", byte_size=len(content))
    )
    parts = {1: content[: 16 * MIB], 2: content[16 * MIB :]}
    wanted = [WantedPart(number, checksum(part)) for number, part in parts.items()]
    lifecycle.presign_parts(upload, wanted)
    send_parts(bucket, upload, content)
    lifecycle.advance(upload, actor=alice)
    lifecycle.remove(upload, actor=alice)

    recorded = upload.events.order_by("id").values_list("kind", flat=True)
    assert list(recorded) == [
        "upload.started",
        "upload.presigned",
        "upload.inspecting",
        "upload.ready",
        "upload.deleted",
    ]
    assert set(upload.events.values_list("user", flat=True)) == {alice.pk}


def test_download_event_has_actor_address_and_request_id(
    alice: Any, bucket: Bucket
) -> None:
    upload = make_ready(bucket, alice)
    client = Client(REMOTE_ADDR="203.0.113.9")
    client.force_login(alice)

    client.get(
        f"/api/v1/uploads/{upload.pk}/download", headers={"X-Request-ID": "from-a-test"}
    )

    event = only_event("upload.downloaded")
    assert (event.actor, event.address, event.request_id) == (
        alice,
        "203.0.113.9",
        "from-a-test",
    )


def test_detail_is_cleaned_and_shortened(alice: Any) -> None:
    deep: Any = "bottom"
    for _ in range(50):
        deep = {"deeper": deep}
    record(
        "account.changed",
        user=alice,
        detail={
            "line": "one\ntwo\r\x1b[31mred\x00",
            "turned": "a\u202eb",
            "half": "\ud800",
            "separator": "a\u2028b",
            "long": "x" * 10_000,
            "many": list(range(10_000)),
            "deep": deep,
            "plain": [1, 2.5, True, None],
        },
    )

    detail = AuditEvent.objects.get(kind="account.changed").detail
    assert detail["line"] == "onetwo[31mred"
    assert (detail["turned"], detail["half"], detail["separator"]) == ("ab", "", "ab")
    assert len(detail["long"]) == MAX_TEXT
    assert len(detail["many"]) == MAX_ITEMS
    assert len(json.dumps(detail["deep"])) < 3 * MAX_TEXT
    assert detail["plain"] == [1, 2.5, True, None]


def test_event_outside_a_request_has_no_address(alice: Any) -> None:
    structlog.contextvars.clear_contextvars()
    record("trail.pruned")

    event = only_event("trail.pruned")
    assert (event.actor, event.user, event.address, event.request_id) == (
        None,
        None,
        None,
        "",
    )
