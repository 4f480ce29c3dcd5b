"""The site hashes stored bytes itself if the storage has not proved them."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.support.builders import (
    MIB,
    begin,
    checksum,
    declare,
    event_kinds,
    let_time_pass,
    put,
    quota_counts,
    send_bare_parts,
)
from tests.support.inspectors import Unavailable, entries
from tests.support.storage_faults import count_s3_calls
from uploads import lifecycle
from uploads.conf import options
from uploads.doctor.memory import remember_promises
from uploads.doctor.results import Finding, ok, skip, warn
from uploads.errors import InvalidRequest, StorageUnavailable
from uploads.lifecycle import WantedPart, reading_back
from uploads.lifecycle.capabilities import capabilities
from uploads.lifecycle.part_checksums import announced, joined
from uploads.lifecycle.reconciliation import complete, reconcile
from uploads.models import BucketFact, PartChecksums, Upload
from uploads.s3 import facts, hashing
from uploads.s3.bucket import Bucket
from uploads.states import State, Transport
from uploads.upkeep.auditing import audit
from uploads.upkeep.sweeper import sweep

PARTS = {1: b"a" * 5 * MIB, 2: b"b" * 5 * MIB, 3: b"c" * MIB}


@pytest.fixture
def certified(db: None) -> None:
    """Record the finding of a doctor that the bucket compares bytes."""
    remember_promises(findings_with())


@pytest.fixture
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "RANGE_BYTES", 2 * MIB)
    monkeypatch.setattr(hashing, "CHUNK_BYTES", 1000)


def findings_with(*broken: str) -> list[Finding]:
    names = [
        f"contract.{name}"
        for name in (
            "put.other_bytes",
            "multipart.other_bytes",
            "post.other_bytes",
            "post.right",
            "multipart.taken",
        )
    ]
    return [
        warn(name, name, "no", "", "") if name in broken else ok(name, name)
        for name in names
    ]


def store_other_bytes(bucket: Bucket, upload: Upload, stored: bytes) -> None:
    """Store other bytes under the declared checksum, as Ceph and rclone do."""
    put(bucket, upload, stored)
    key = upload.key
    head = bucket.client.head_object(Bucket=bucket.name, Key=key)
    assert head["ContentLength"] == upload.byte_size


def begin_parts(owner: Any, parts: dict[int, bytes] | None = None) -> Upload:
    parts = parts or PARTS
    upload = lifecycle.start(
        owner=owner,
        declaration=declare(
            b"",
            byte_size=sum(map(len, parts.values())),
            checksum_sha256="",
            transport=Transport.MULTIPART,
            part_size=5 * MIB,
        ),
    )
    wanted = [WantedPart(number, checksum(body)) for number, body in parts.items()]
    lifecycle.presign_parts(upload, wanted)
    return upload


@pytest.fixture
def no_checksums(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate a storage that reports no checksums of objects and parts."""

    def bare_object(headers: Any) -> Any:
        return replace(facts.object_facts(headers), checksum_sha256=None)

    def bare_parts(entries: Any) -> Any:
        return [
            replace(part, checksum_sha256=None) for part in facts.latest_parts(entries)
        ]

    monkeypatch.setattr("uploads.s3.reading.object_facts", bare_object)
    monkeypatch.setattr("uploads.s3.bucket.latest_parts", bare_parts)


def test_object_is_read_back_if_no_doctor_has_certified_the_bucket(
    alice: Any, bucket: Bucket
) -> None:
    upload = begin(alice)
    put(bucket, upload, b"hello")

    lifecycle.advance(upload)

    upload.refresh_from_db()
    assert upload.state == State.READY
    assert upload.checksum_verified_by == "readback"
    assert upload.object_checksum == checksum(b"hello")
    detail = upload.events.get(kind="upload.ready").detail
    assert detail["checksum_verified_by"] == "readback"


def test_checksum_of_a_certified_bucket_is_trusted(
    alice: Any, bucket: Bucket, certified: None
) -> None:
    upload = begin(alice, b"x" * 300_000)
    put(bucket, upload, b"x" * 300_000)

    with count_s3_calls(bucket) as calls:
        lifecycle.advance(upload)

    assert upload.checksum_verified_by == "storage"
    reads = calls["GetObject"]
    other = begin(alice, b"y" * 300_000)
    put(bucket, other, b"y" * 300_000)
    remember_promises(findings_with("contract.put.other_bytes"))
    with count_s3_calls(bucket) as calls:
        lifecycle.advance(other)
    assert calls["GetObject"] == reads + 1
    assert other.checksum_verified_by == "readback"


def test_object_is_read_back_if_a_certified_bucket_reports_no_checksum(
    alice: Any, bucket: Bucket, certified: None, no_checksums: None
) -> None:
    upload = begin(alice)
    put(bucket, upload, b"hello")

    lifecycle.advance(upload)

    assert (upload.state, upload.checksum_verified_by) == (State.READY, "readback")


@pytest.mark.parametrize("transport", [Transport.PUT, Transport.POST])
@pytest.mark.parametrize("is_batch", [False, True])
def test_object_with_bytes_other_than_declared_is_rejected(
    alice: Any, bucket: Bucket, no_checksums: None, transport: Transport, is_batch: bool
) -> None:
    upload = begin(alice, b"hello", transport=transport)
    store_other_bytes(bucket, upload, b"jello")

    if is_batch:
        objects = lifecycle.prefetch([upload])
        lifecycle.complete_many(
            alice,
            [upload],
            actor=alice,
            objects=objects,
            budget=lifecycle.inline_budget(),
        )
        assert upload.state == State.PENDING
        lifecycle.advance(upload, objects=objects)
    else:
        lifecycle.advance(upload)

    assert (upload.state, upload.rejected_cause) == (State.REJECTED, "checksum_differs")
    assert quota_counts(alice) == (0, 0, 0, 0)
    assert bucket.head_object(upload.key) is None


def test_batch_is_read_back_without_additional_requests(
    alice: Any, bucket: Bucket
) -> None:
    uploads = [begin(alice, b"%d" % n) for n in range(3)]
    for number, upload in enumerate(uploads):
        put(bucket, upload, b"%d" % number)
    objects = lifecycle.prefetch(uploads)

    with count_s3_calls(bucket) as calls:
        lifecycle.complete_many(
            alice,
            uploads,
            actor=alice,
            objects=objects,
            budget=lifecycle.inline_budget(),
        )

    assert not calls
    assert [upload.checksum_verified_by for upload in uploads] == ["readback"] * 3
    detail = uploads[0].events.get(kind="upload.ready").detail
    assert detail["checksum_verified_by"] == "readback"


def test_parts_are_compared_one_by_one(
    alice: Any, bucket: Bucket, no_checksums: None, small_ranges: None
) -> None:
    upload = begin_parts(alice)
    send_bare_parts(bucket, upload, PARTS)

    lifecycle.advance(upload)

    assert (upload.state, upload.checksum_verified_by) == (State.READY, "readback")
    digests = [hashlib.sha256(body).digest() for body in PARTS.values()]
    assert upload.object_checksum == joined(upload, digests)
    assert upload.object_checksum.endswith("-3")


@pytest.mark.parametrize("number", [1, 2, 3])
def test_upload_with_other_bytes_in_one_part_is_rejected(
    alice: Any, bucket: Bucket, no_checksums: None, number: int
) -> None:
    upload = begin_parts(alice)
    other = b"!" + PARTS[number][1:]
    send_bare_parts(bucket, upload, {**PARTS, number: other})

    lifecycle.advance(upload)

    assert (upload.state, upload.rejected_cause) == (State.REJECTED, "checksum_differs")
    assert quota_counts(alice) == (0, 0, 0, 0)
    assert list(audit()) == []


def test_new_url_for_a_part_replaces_the_announced_checksum_of_the_part(
    alice: Any, bucket: Bucket, no_checksums: None
) -> None:
    upload = begin_parts(alice)
    changed = {**PARTS, 2: b"B" * 5 * MIB}

    lifecycle.presign_parts(upload, [WantedPart(2, checksum(changed[2]))])

    assert announced(upload) == [
        hashlib.sha256(body).digest() for body in changed.values()
    ]
    assert len(PartChecksums.objects.get().digests) == 3 * 32
    send_bare_parts(bucket, upload, changed)
    assert lifecycle.advance(upload).state == State.READY


def test_upload_without_all_announced_part_checksums_is_ready_but_unverified(
    alice: Any, bucket: Bucket, no_checksums: None
) -> None:
    upload = begin_parts(alice)
    PartChecksums.objects.all().delete()
    lifecycle.presign_parts(upload, [WantedPart(2, checksum(PARTS[2]))])
    send_bare_parts(bucket, upload, PARTS)

    lifecycle.advance(upload)

    assert announced(upload) == []
    assert (upload.state, upload.checksum_verified_by) == (State.READY, "")
    assert upload.object_checksum == ""


@pytest.mark.parametrize("text", ["", "x", "!" * 44, base64.b64encode(b"x").decode()])
def test_part_without_a_valid_sha256_is_refused(
    alice: Any, bucket: Bucket, text: str
) -> None:
    upload = begin_parts(alice)

    with pytest.raises(InvalidRequest):
        lifecycle.presign_parts(upload, [WantedPart(1, text)])


def test_large_object_is_read_back_in_the_background(
    alice: Any, bucket: Bucket, no_checksums: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("uploads.lifecycle.inspecting.INLINE_BYTES", 1000)
    monkeypatch.setattr(
        "uploads.lifecycle.inspecting.options",
        lambda: _changed_options(inline_inspection_bytes=1000),
    )
    content = b"x" * 100_000
    upload = begin(alice, content)
    put(bucket, upload, content)

    complete(upload)

    assert (upload.state, upload.is_inspected_later) == (State.INSPECTING, True)
    sweep()
    upload.refresh_from_db()
    assert (upload.state, upload.checksum_verified_by) == (State.READY, "readback")


def _changed_options(**changes: Any) -> Any:
    return replace(options(), **changes)


def test_object_is_not_read_back_again_after_an_unavailable_inspector(
    alice: Any, bucket: Bucket, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.INSPECTORS = entries("Accepting", "Unavailable")
    monkeypatch.setattr(Unavailable, "is_unavailable", True)
    upload = begin(alice)
    put(bucket, upload, b"hello")
    reconcile(upload, patient=True)
    assert (upload.state, upload.checksum_verified_by) == (State.INSPECTING, "readback")

    monkeypatch.setattr(Unavailable, "is_unavailable", False)
    monkeypatch.setattr(reading_back, "hash_range", None)
    let_time_pass(minutes=10)
    sweep()

    upload.refresh_from_db()
    assert upload.state == State.READY


def test_sweeps_continue_a_long_read_back_at_the_next_part(
    alice: Any, bucket: Bucket, no_checksums: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("uploads.lifecycle.inspecting.INLINE_BYTES", 1000)
    monkeypatch.setattr(reading_back, "lease_of", lambda _: timedelta(0))
    monkeypatch.setattr(
        "uploads.lifecycle.inspecting.options",
        lambda: _changed_options(inline_inspection_bytes=1000),
    )
    upload = begin_parts(alice)
    send_bare_parts(bucket, upload, PARTS)
    complete(upload)
    read = []
    real = hashing.hash_range

    def record_part(
        bucket: Bucket, key: str, start: int, length: int, **rest: Any
    ) -> bytes:
        read.append(start // (5 * MIB) + 1)
        return real(bucket, key, start, length, **rest)

    monkeypatch.setattr(reading_back, "hash_range", record_part)
    for _ in range(3):
        let_time_pass(minutes=1)
        sweep()

    upload.refresh_from_db()
    assert read == [1, 2, 3]
    assert (upload.state, upload.checksum_verified_by) == (State.READY, "readback")


def test_read_back_repeats_a_range_after_a_broken_answer(
    alice: Any, bucket: Bucket, small_ranges: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"x" * (5 * MIB + 1)
    upload = begin(alice, content)
    put(bucket, upload, content)
    real, failures = hashing._read, [2 * MIB]

    def broken(bucket: Bucket, key: str, start: int, *rest: Any) -> Any:
        digest = real(bucket, key, start, *rest)
        if start in failures:
            failures.remove(start)
            raise StorageUnavailable("broke off")
        return digest

    monkeypatch.setattr(hashing, "_read", broken)

    assert lifecycle.advance(upload).state == State.READY
    assert failures == []


def test_object_replaced_before_the_read_back_is_rejected(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begin(alice)
    put(bucket, upload, b"hello")
    real = hashing.hash_range

    def replaced(*arguments: Any, **rest: Any) -> bytes:
        put(bucket, upload, b"jello")
        return real(*arguments, **rest)

    monkeypatch.setattr(reading_back, "hash_range", replaced)

    lifecycle.advance(upload)

    assert (upload.state, upload.rejected_cause) == (State.REJECTED, "replaced")


@pytest.mark.parametrize(
    ("setting", "verified_by"), [("never", ""), ("always", "readback")]
)
def test_setting_read_back_overrides_the_doctors_finding(
    alice: Any, bucket: Bucket, settings: Any, setting: str, verified_by: str
) -> None:
    settings.UPLOADS = {**settings.UPLOADS, "READ_BACK": setting}
    if setting == "always":
        remember_promises(findings_with())
    upload = begin(alice)
    put(bucket, upload, b"hello")

    lifecycle.advance(upload)

    assert upload.state == State.READY
    assert upload.checksum_verified_by == verified_by
    assert event_kinds(upload) == [
        "upload.started",
        "upload.inspecting",
        "upload.ready",
    ]


def test_findings_of_a_doctor_apply_to_one_bucket_only(
    certified: None, settings: Any
) -> None:
    assert capabilities().compares_bytes(Transport.PUT)
    assert BucketFact.objects.filter(name__startswith="promise.").count() == 5

    settings.S3_BUCKET = "another"

    assert not capabilities().is_certified
    assert not capabilities().compares_bytes(Transport.PUT)


def test_later_run_of_the_doctor_replaces_only_the_findings_of_its_tests(
    certified: None,
) -> None:
    remember_promises(
        [
            warn("contract.put.other_bytes", "", "", "", ""),
            skip("contract.multipart.other_bytes", "", "not asked"),
        ]
    )

    found = capabilities()
    assert not found.compares_bytes(Transport.PUT)
    assert found.compares_bytes(Transport.MULTIPART)
    assert BucketFact.objects.filter(name__startswith="promise.").count() == 5


def test_uncertified_bucket_is_logged_once(
    db: None, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        capabilities()

    named = [line for line in caplog.messages if "bucket.uncertified" in line]
    assert len(named) == 1
