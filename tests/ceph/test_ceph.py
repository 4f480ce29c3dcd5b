"""Uploads to Ceph, which stores bytes that do not match the signed SHA-256.

Run with `-p tests.plugins.ceph`.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

import pytest
from django.core.management import call_command

from tests.attacks.people import HELLO, MIB, OTHER, Person, Started
from tests.bucket.stores import RawRequest, form, send_raw
from tests.support.builders import let_time_pass, quota_counts
from uploads.lifecycle.capabilities import capabilities
from uploads.lifecycle.part_checksums import joined
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.states import State
from uploads.upkeep.sweeper import sweep

SIZES = (16 * MIB, 16 * MIB, 8 * MIB)


@pytest.fixture(params=["certified", "uncertified"])
def certification(request: pytest.FixtureRequest, ceph_bucket: Bucket) -> str:
    """Run each test with and without a doctor's findings.

    The results must be the same.
    """
    if request.param == "certified":
        with pytest.raises(SystemExit):  # Ceph breaks some promises
            call_command("doctor", only=["contract"], json=True)
        assert capabilities().is_certified
    return str(request.param)


def complete(person: Person, started: Started) -> dict[str, Any]:
    answer = person.call("POST", f"/uploads/{started.id}/complete")
    assert answer.status_code == 200, answer.content
    received: dict[str, Any] = answer.json()
    return received


def contents() -> list[bytes]:
    """Return the bytes of a file of 40 MiB, part by part."""
    return [os.urandom(size) for size in SIZES]


def send_parts(
    person: Person, announced: list[bytes], sent: list[bytes] | None = None
) -> Started:
    """Declare the checksums of parts, and send the bytes ``sent`` over their URLs."""
    started = person.start_parts(*map(len, announced), part_size=SIZES[0])
    for number, content in enumerate(announced, 1):
        raw_request = person.part(started, number, content)
        body = (sent or announced)[number - 1]
        assert send_raw(raw_request.with_body(body)).status == 200
    return started


def settle(started: Started) -> Upload:
    """Run the sweeper, which finishes long inspections."""
    for _ in range(3):
        let_time_pass(minutes=2)
        sweep()
    return started.row


def test_upload_by_one_put_is_ready_after_the_read_back(
    alice: Person, certification: str
) -> None:
    started = alice.upload(HELLO)

    received = complete(alice, started)

    assert (received["state"], received["checksum_verified_by"]) == (
        "ready",
        "readback",
    )
    assert alice.download(started).body == HELLO


@pytest.mark.parametrize("transport", ["put", "post"])
def test_bytes_that_differ_from_the_signed_checksum_are_rejected(
    alice: Person, certification: str, transport: str, ceph_bucket: Bucket
) -> None:
    started = alice.start(HELLO, transport=transport)
    raw_request = (
        started.raw_request(OTHER)
        if transport == "put"
        else raw_form_request(started, OTHER)
    )

    assert send_raw(raw_request).accepted  # Ceph accepts the wrong bytes
    received = complete(alice, started)

    assert (received["state"], received["checksum_verified_by"]) == ("rejected", None)
    assert started.row.rejected_cause == "checksum_differs"
    assert ceph_bucket.head_object(started.row.key) is None
    assert quota_counts(alice.user) == (0, 0, 0, 0)


def raw_form_request(started: Started, content: bytes) -> RawRequest:
    request = started.received["request"]
    return form(request["url"], request["fields"], content)


def test_40_mib_in_parts_become_ready_after_the_read_back(
    alice: Person, certification: str
) -> None:
    parts = contents()
    started = send_parts(alice, parts)

    received = complete(alice, started)

    assert received["state"] in {"ready", "inspecting"}
    row = settle(started)
    assert (row.state, row.checksum_verified_by) == (State.READY, "readback")
    digests = [hashlib.sha256(part).digest() for part in parts]
    assert row.object_checksum == joined(row, digests)
    assert alice.download(started).body == b"".join(parts)
    assert complete(alice, started)["state"] == "ready"


@pytest.mark.parametrize("number", [0, 2])
def test_one_swapped_part_of_40_mib_is_rejected(
    alice: Person, ceph_bucket: Bucket, number: int
) -> None:
    parts = contents()
    swapped = [*parts]
    swapped[number] = swapped[number][:-1] + bytes([swapped[number][-1] ^ 1])
    started = send_parts(alice, parts, swapped)

    complete(alice, started)

    row = settle(started)
    assert (row.state, row.rejected_cause) == (State.REJECTED, "checksum_differs")
    assert ceph_bucket.head_object(row.key) is None
    assert quota_counts(alice.user) == (0, 0, 0, 0)


def test_parts_are_not_joined_over_an_existing_object(
    alice: Person, ceph_bucket: Bucket
) -> None:
    # Ceph ignores If-None-Match here, so the site checks the key before it joins parts.
    started = send_parts(alice, [HELLO])
    row = started.row
    ceph_bucket.client.put_object(
        Bucket=ceph_bucket.name, Key=row.key, Body=OTHER, ContentType="text/plain"
    )

    received = complete(alice, started)

    assert received["state"] == "rejected"
    assert started.row.rejected_cause == "checksum_differs"


def test_lost_answer_to_the_completion_is_recovered(
    alice: Person, ceph_bucket: Bucket
) -> None:
    started = send_parts(alice, [HELLO])
    row = started.row
    parts = ceph_bucket.list_parts(row.key, row.multipart_id)
    ceph_bucket.complete_multipart_upload(
        row.key, row.multipart_id, parts, byte_size=row.byte_size
    )

    assert complete(alice, started)["state"] == "ready"


def test_cancelled_multipart_upload_leaves_no_parts(
    alice: Person, ceph_bucket: Bucket
) -> None:
    started = send_parts(alice, [HELLO])

    assert alice.call("DELETE", f"/uploads/{started.id}").status_code == 204

    assert list(ceph_bucket.list_multipart_uploads("uploads/")) == []
    assert quota_counts(alice.user) == (0, 0, 0, 0)
