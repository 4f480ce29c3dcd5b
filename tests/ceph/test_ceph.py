"""Uploads to Ceph, which stores other bytes under a signed SHA-256.

Run with `-p tests.plugins.ceph`.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

import pytest
from django.core.management import call_command

from tests.attacks.people import HELLO, MIB, OTHER, Person, Started
from tests.bucket.stores import Wire, form, send_raw
from tests.support.builders import held, let_time_pass
from uploads.lifecycle.capabilities import capabilities
from uploads.lifecycle.part_checksums import composite
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.states import State
from uploads.upkeep.sweeper import sweep

SIZES = (16 * MIB, 16 * MIB, 8 * MIB)


@pytest.fixture(params=["certified", "uncertified"])
def certification(request: pytest.FixtureRequest, ceph_bucket: Bucket) -> str:
    """Whether a doctor has tested the bucket. The results must not differ."""
    if request.param == "certified":
        with pytest.raises(SystemExit):  # Ceph does not follow all rules
            call_command("doctor", only=["contract"], json=True)
        assert capabilities().is_certified
    return str(request.param)


def complete(person: Person, started: Started) -> dict[str, Any]:
    answer = person.call("POST", f"/uploads/{started.id}/complete")
    assert answer.status_code == 200, answer.content
    told: dict[str, Any] = answer.json()
    return told


def contents() -> list[bytes]:
    """Return the bytes of a file of 40 MiB, part by part."""
    return [os.urandom(size) for size in SIZES]


def send_parts(
    person: Person, announced: list[bytes], sent: list[bytes] | None = None
) -> Started:
    """Announce parts, and send ``sent`` under their URLs instead."""
    started = person.start_parts(*map(len, announced), part_size=SIZES[0])
    for number, content in enumerate(announced, 1):
        wire = person.part(started, number, content)
        body = (sent or announced)[number - 1]
        assert send_raw(wire.with_body(body)).status == 200
    return started


def settle(started: Started) -> Upload:
    """Let the sweeper finish what a request has left to the background."""
    for _ in range(3):
        let_time_pass(minutes=2)
        sweep()
    return started.row


def test_one_put_is_ready_after_the_read_back(
    alice: Person, certification: str
) -> None:
    started = alice.upload(HELLO)

    told = complete(alice, started)

    assert (told["state"], told["checksum_verified_by"]) == ("ready", "readback")
    assert alice.download(started).body == HELLO


@pytest.mark.parametrize("transport", ["put", "post"])
def test_other_bytes_under_a_signed_checksum_are_rejected(
    alice: Person, certification: str, transport: str, ceph_bucket: Bucket
) -> None:
    started = alice.start(HELLO, transport=transport)
    wire = started.wire(OTHER) if transport == "put" else form_wire(started, OTHER)

    assert send_raw(wire).accepted  # Ceph does not compare the bytes
    told = complete(alice, started)

    assert (told["state"], told["checksum_verified_by"]) == ("rejected", None)
    assert started.row.rejected_cause == "checksum_differs"
    assert ceph_bucket.head_object(started.row.key) is None
    assert held(alice.user) == (0, 0, 0, 0)


def form_wire(started: Started, content: bytes) -> Wire:
    request = started.told["request"]
    return form(request["url"], request["fields"], content)


def test_40_mib_in_parts_are_ready_after_the_read_back(
    alice: Person, certification: str
) -> None:
    parts = contents()
    started = send_parts(alice, parts)

    told = complete(alice, started)

    assert told["state"] in {"ready", "inspecting"}
    row = settle(started)
    assert (row.state, row.checksum_verified_by) == (State.READY, "readback")
    digests = [hashlib.sha256(part).digest() for part in parts]
    assert row.object_checksum == composite(digests)
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
    assert held(alice.user) == (0, 0, 0, 0)


def test_parts_are_not_joined_over_an_object_that_is_there(
    alice: Person, ceph_bucket: Bucket
) -> None:
    # Ceph ignores If-None-Match here, so the site checks the key before it asks.
    started = send_parts(alice, [HELLO])
    row = started.row
    ceph_bucket.client.put_object(
        Bucket=ceph_bucket.name, Key=row.key, Body=OTHER, ContentType="text/plain"
    )

    told = complete(alice, started)

    assert told["state"] == "rejected"
    assert started.row.rejected_cause == "checksum_differs"


def test_a_lost_answer_to_the_completion_is_found_out(
    alice: Person, ceph_bucket: Bucket
) -> None:
    started = send_parts(alice, [HELLO])
    row = started.row
    parts = ceph_bucket.list_parts(row.key, row.multipart_id)
    ceph_bucket.complete_multipart_upload(
        row.key, row.multipart_id, parts, byte_size=row.byte_size
    )

    assert complete(alice, started)["state"] == "ready"


def test_a_cancelled_multipart_upload_leaves_nothing(
    alice: Person, ceph_bucket: Bucket
) -> None:
    started = send_parts(alice, [HELLO])

    assert alice.call("DELETE", f"/uploads/{started.id}").status_code == 204

    assert list(ceph_bucket.list_multipart_uploads("uploads/")) == []
    assert held(alice.user) == (0, 0, 0, 0)
