"""Attacks on multipart uploads with UPLOADS_CHECKSUM=crc64nvme."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.attacks.people import HELLO, MIB, OTHER, Person, Started, assert_problem
from tests.attacks.test_crc64nvme import (
    PARTS,
    certified,
    complete,
    raw_requests,
    send_all,
    start,
    start_parts,
    with_crc,
)
from tests.bucket.stores import RawRequest, send_raw
from uploads.lifecycle.reconciliation import complete as finish
from uploads.lifecycle.releasing import begin_release
from uploads.s3.bucket import Bucket
from uploads.s3.checksums import CRC64NVME, SHA256, Checksums, encoded
from uploads.states import State

if TYPE_CHECKING:
    from pytest_django import Settings

__all__ = ["certified"]  # a fixture

FORGED = with_crc(b"z" * len(PARTS[2]), PARTS[2])
"""Other bytes with the length and the CRC of the last part."""

BROKEN = [
    *("", "AAAA", "AAAAAAAAAAA", "AAAAAAAAAAA==", "AAAAAAAAAAB=", "AAAAAAAA-_A="),
    *("\N{FULLWIDTH LATIN CAPITAL LETTER A}AAAAAAAAAA=", "AAAAAAAAAAA=\n"),
    *(" AAAAAAAAAA=", "A" * 43 + "=", 5, ["AAAAAAAAAAA="]),
]
"""Texts that are not base64 of 8 bytes."""


@pytest.fixture(autouse=True)
def choose(settings: Settings) -> Callable[[str], None]:
    """Set UPLOADS_CHECKSUM to crc64nvme, and return a function that changes it."""

    def choose(algorithm: str) -> None:
        settings.UPLOADS = {**settings.UPLOADS, "CHECKSUM": algorithm}

    choose("crc64nvme")
    return choose


def part(number: int, body: bytes, *algorithms: Checksums) -> dict[str, Any]:
    checksums = {one.attribute: one.base64(body) for one in algorithms}
    return {"part_number": number, **checksums}


def announce(person: Person, upload: Started, *parts: dict[str, Any]) -> Any:
    return person.call("POST", f"/uploads/{upload.id}/parts", {"parts": list(parts)})


def announce_all(person: Person, upload: Started, checksums: Checksums) -> Any:
    parts = [part(number, body, checksums) for number, body in enumerate(PARTS, 1)]
    return announce(person, upload, *parts)


def send_announced(answer: Any) -> None:
    assert answer.status_code == 200, answer.content
    signed = zip(answer.json()["parts"], PARTS, strict=True)
    send_all(
        [RawRequest("PUT", one["url"], one["headers"], body) for one, body in signed]
    )


@pytest.mark.parametrize("checksums", [CRC64NVME, SHA256])
def test_checksum_of_zeros_does_not_prevent_the_comparison(
    alice: Person, choose: Callable[[str], None], checksums: Checksums
) -> None:
    # In the row, zeros mean that no checksum was announced for a part.
    choose(checksums.algorithm)
    upload = start_parts(alice)
    send_announced(announce_all(alice, upload, checksums))
    zeros = encoded(bytes(checksums.digest_bytes))

    answer = announce(alice, upload, {"part_number": 1, checksums.attribute: zeros})

    assert answer.status_code == 200
    assert complete(alice, upload)["state"] == "rejected"


@pytest.mark.usefixtures("certified")
@pytest.mark.parametrize("again", [FORGED, b"d" * len(FORGED)])
def test_part_replaced_after_the_listing_is_not_in_the_file(
    alice: Person, monkeypatch: pytest.MonkeyPatch, again: bytes
) -> None:
    upload = start_parts(alice)
    send_all(raw_requests(alice, upload, PARTS))
    join = Bucket.complete_multipart_upload

    def late(bucket: Bucket, *received: Any, **more: Any) -> None:
        send_all(raw_requests(alice, upload, [*PARTS[:2], again])[2:])
        join(bucket, *received, **more)

    monkeypatch.setattr(Bucket, "complete_multipart_upload", late)

    received = complete(alice, upload)

    assert received["checksum_crc64nvme"] == CRC64NVME.base64(b"".join(PARTS))
    assert alice.download(upload).body == b"".join(PARTS)


def test_one_upload_cannot_mix_checksums(alice: Person) -> None:
    upload = start_parts(alice)
    mixed = [part(1, PARTS[0], CRC64NVME), part(2, PARTS[1], SHA256)]

    assert_problem(announce(alice, upload, *mixed), 422, "invalid_request")
    both = announce(alice, upload, part(1, PARTS[0], SHA256, CRC64NVME))
    [signed] = both.json()["parts"]
    assert signed["headers"] == {CRC64NVME.header: CRC64NVME.base64(PARTS[0])}
    for later in (part(2, PARTS[1], SHA256), part(2, PARTS[1])):
        assert_problem(announce(alice, upload, later), 422, "invalid_request")


@pytest.mark.parametrize("broken", BROKEN)
def test_broken_checksum_is_refused(alice: Person, broken: Any) -> None:
    upload = start_parts(alice)
    wanted = {"part_number": 1, "checksum_crc64nvme": broken}
    file = {
        "filename": "a",
        "byte_size": 5,
        "content_type": "text/plain",
        "checksum_crc64nvme": broken,
    }

    assert_problem(announce(alice, upload, wanted), 422, "invalid_request")
    assert_problem(alice.call("POST", "/uploads", file), 422, "invalid_request")


@pytest.mark.usefixtures("certified")
@pytest.mark.parametrize(("old", "new"), [(CRC64NVME, SHA256), (SHA256, CRC64NVME)])
def test_upload_continues_after_the_operator_changes_the_checksum(
    alice: Person, choose: Callable[[str], None], old: Checksums, new: Checksums
) -> None:
    choose(old.algorithm)
    begun, untouched = start_parts(alice), start_parts(alice)
    announce(alice, begun, part(1, PARTS[0], old))
    choose(new.algorithm)

    refused = announce_all(alice, begun, new)
    assert old.attribute in assert_problem(refused, 422, "invalid_request")["detail"]
    send_announced(announce_all(alice, begun, old))
    send_announced(announce_all(alice, untouched, new))

    for upload, used in ((begun, old), (untouched, new)):
        received = complete(alice, upload)
        assert (received["state"], received["checksum_verified_by"]) == (
            "ready",
            "storage",
        )
        assert received["checksum_algorithm"] == used.algorithm


@pytest.mark.usefixtures("certified")
def test_release_of_a_file_in_parts_keeps_its_crc(
    alice: Person, settings: Settings
) -> None:
    settings.UPLOADS = {**settings.UPLOADS, "QUARANTINE_PREFIX": "quarantine/"}
    program = [b"MZ" + bytes(5 * MIB - 2), bytes(100)]
    facts = {"filename": "picture.png", "content_type": "image/png"}
    upload = alice.start_parts(
        *map(len, program), checksum_sha256=None, part_size=5 * MIB, **facts
    )
    send_all(raw_requests(alice, upload, program))
    assert complete(alice, upload)["state"] == "rejected"

    release = finish(begin_release(upload.row, actor=None))

    assert (release.state, release.checksum_verified_by) == (State.READY, "storage")
    assert release.checksum_crc64nvme == CRC64NVME.base64(b"".join(program))


def test_forged_bytes_sent_after_a_delete_are_never_served(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    content = b"The announced bytes, of which the CRC is signed."
    upload, parts = start(alice, content), start_parts(alice)
    sent = raw_requests(alice, parts, PARTS)
    assert send_raw(upload.raw_request(content)).status == 200
    send_all(sent)
    for one in (upload, parts):
        complete(alice, one)
        assert alice.call("DELETE", f"/uploads/{one.id}").status_code == 204

    # The key is free again, so S3 accepts the bytes. The sweeper deletes them.
    send_raw(
        upload.raw_request(with_crc(b"Any other bytes of the same length wi", content))
    )

    assert send_raw(sent[2].with_body(FORGED)).status == 404
    for one in (upload, parts):
        for method, action in (("POST", "complete"), ("GET", "download")):
            answer = alice.call(method, f"/uploads/{one.id}/{action}")
            assert_problem(answer, 409, "invalid_state")


@pytest.mark.parametrize("is_tested", [False, True])
def test_bytes_that_the_storage_did_not_compare_are_rejected(
    alice: Person,
    seaweed_bucket: Bucket,
    request: pytest.FixtureRequest,
    is_tested: bool,
) -> None:
    # A storage that ignores the header stores other bytes without a checksum. Only the
    # worker can store such bytes here.
    if is_tested:
        request.getfixturevalue("certified")
    client, target = seaweed_bucket.client, seaweed_bucket.target
    upload, parts = start(alice, HELLO), start_parts(alice)
    raw_requests(alice, parts, PARTS)
    client.put_object(
        **target, Key=upload.row.key, Body=OTHER, ContentType="text/plain"
    )
    for number, body in enumerate([*PARTS[:2], b"d" * len(PARTS[2])], 1):
        client.upload_part(
            **target,
            Key=parts.row.key,
            UploadId=parts.row.multipart_id,
            PartNumber=number,
            Body=body,
        )

    for one in (upload, parts):
        answer = alice.call("POST", f"/uploads/{one.id}/complete")
        assert answer.status_code == 200, answer.content
        finish(one.row, patient=True)
        assert one.row.state == State.REJECTED
        assert one.row.rejected_cause == "checksum_differs"
