"""Attacks on a site with UPLOADS_CHECKSUM=crc64nvme, whose URLs sign a CRC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.attacks.people import HELLO, MIB, OTHER, Person, Started, assert_problem
from tests.bucket.stores import Answer, RawRequest, send_raw
from uploads.doctor.contract import ask_contract
from uploads.doctor.examination import Examination
from uploads.doctor.memory import remember_promises
from uploads.doctor.results import Status
from uploads.lifecycle.reconciliation import complete as finish
from uploads.lifecycle.releasing import begin_release
from uploads.s3.bucket import Bucket
from uploads.s3.checksums import CRC64NVME, SHA256
from uploads.states import State

if TYPE_CHECKING:
    from pytest_django import Settings

HEADER = CRC64NVME.header
PARTS = [b"a" * 5 * MIB, b"b" * 5 * MIB, b"c" * 1000]
WHOLE = b"".join(PARTS)


@pytest.fixture(autouse=True)
def _crc64nvme(settings: Settings) -> None:
    settings.UPLOADS = {**settings.UPLOADS, "CHECKSUM": "crc64nvme"}


@pytest.fixture
def certified(seaweed_bucket: Bucket) -> None:
    """Record a doctor's findings about this bucket."""
    examination = Examination()
    remember_promises(list(ask_contract(examination)))
    examination.clear_quietly()


def start(person: Person, content: bytes, **changes: Any) -> Started:
    facts = {"checksum_sha256": None, "checksum_crc64nvme": CRC64NVME.base64(content)}
    return person.start(content, **{**facts, **changes})


def complete(person: Person, upload: Started) -> Any:
    answer = person.call("POST", f"/uploads/{upload.id}/complete")
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.mark.usefixtures("certified")
@pytest.mark.parametrize("content", [HELLO, b"", b"x" * 200_000])
def test_declared_bytes_become_ready(alice: Person, content: bytes) -> None:
    upload = start(alice, content)

    assert send_raw(upload.raw_request(content)).status == 200
    received = complete(alice, upload)

    assert (received["state"], received["checksum_verified_by"]) == ("ready", "storage")
    assert received["checksum_crc64nvme"] == CRC64NVME.base64(content)
    assert (received["checksum_sha256"], received["checksum_algorithm"]) == (
        None,
        "crc64nvme",
    )


def test_bytes_with_another_crc_are_refused(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    upload = start(alice, HELLO)
    raw_request = upload.raw_request(HELLO)
    changed = [
        raw_request.with_body(OTHER),
        raw_request.with_body(OTHER).with_header(HEADER, CRC64NVME.base64(OTHER)),
        raw_request.with_body(OTHER).without_header(HEADER),
        raw_request.with_body(OTHER).with_header(
            "x-amz-checksum-sha256", SHA256.base64(OTHER)
        ),
        raw_request.with_header("x-amz-checksum-crc32", "NhCmhg=="),
        raw_request.without_header("If-None-Match"),
        raw_request.with_body(HELLO + b"!"),
    ]

    for attack in changed:
        assert 400 <= send_raw(attack).status < 500
        assert seaweed_bucket.head_object(upload.row.key) is None
    assert send_raw(raw_request).status == 200


def test_object_that_differs_from_its_declaration_is_rejected(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    # Only an administrator of the bucket could store this object.
    upload = start(alice, HELLO)
    seaweed_bucket.client.put_object(
        **seaweed_bucket.target,
        Key=upload.row.key,
        Body=OTHER,
        ContentType="text/plain",
        ChecksumCRC64NVME=CRC64NVME.base64(OTHER),
    )

    received = complete(alice, upload)

    assert received["state"] == "rejected"
    assert upload.row.rejected_cause == "checksum_differs"


def test_other_bytes_with_an_equal_crc_are_accepted_once(alice: Person) -> None:
    """A CRC does not protect against forged bytes.

    docs/security.md lists the remaining protection.
    """
    content = b"The announced bytes, of which the CRC is signed."
    forged = with_crc(b"Any other bytes of the same length wi", content)
    assert len(forged) == len(content)
    assert forged != content
    upload = start(alice, content)

    assert send_raw(upload.raw_request(forged)).status == 200
    assert send_raw(upload.raw_request(content)).status == 412
    assert complete(alice, upload)["state"] == "ready"
    assert send_raw(upload.raw_request(forged)).status == 412


def with_crc(beginning: bytes, model: bytes) -> bytes:
    """Return bytes with this beginning that have the length and CRC of ``model``."""
    beginning = beginning[: len(model) - 8].ljust(len(model) - 8)

    def crc(tail: int) -> int:
        content = beginning + tail.to_bytes(8, "big")
        return int.from_bytes(CRC64NVME.raw(content), "big")

    # A CRC is linear. So find the bits of the tail whose effects add up to the
    # difference.
    wanted, tail = crc(0) ^ int.from_bytes(CRC64NVME.raw(model), "big"), 0
    effects: dict[int, tuple[int, int]] = {}
    for bit in range(64):
        effect, bits = crc(1 << bit) ^ crc(0), 1 << bit
        while effect and (top := effect.bit_length()) in effects:
            effect, bits = effect ^ effects[top][0], bits ^ effects[top][1]
        if effect:
            effects[effect.bit_length()] = effect, bits
    while wanted:
        effect, bits = effects[wanted.bit_length()]
        wanted, tail = wanted ^ effect, tail ^ bits
    return beginning + tail.to_bytes(8, "big")


def start_parts(person: Person, **changes: Any) -> Started:
    facts = {"checksum_sha256": None, "part_size": 5 * MIB, **changes}
    return person.start_parts(*map(len, PARTS), **facts)


def raw_requests(
    person: Person, upload: Started, announced: list[bytes]
) -> list[RawRequest]:
    parts = [
        {"part_number": number, "checksum_crc64nvme": CRC64NVME.base64(body)}
        for number, body in enumerate(announced, 1)
    ]
    answer = person.call("POST", f"/uploads/{upload.id}/parts", {"parts": parts})
    assert answer.status_code == 200, answer.content
    return [
        RawRequest("PUT", part["url"], part["headers"], body)
        for part, body in zip(answer.json()["parts"], announced, strict=True)
    ]


def send_all(sent: list[RawRequest]) -> list[Answer]:
    answers = [send_raw(raw_request) for raw_request in sent]
    assert [answer.status for answer in answers] == [200] * len(sent)
    return answers


@pytest.mark.usefixtures("certified")
def test_declared_parts_become_one_file_with_their_combined_crc(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    upload = start_parts(alice)
    send_all(raw_requests(alice, upload, PARTS))

    received = complete(alice, upload)

    assert (received["state"], received["checksum_verified_by"]) == ("ready", "storage")
    assert received["checksum_crc64nvme"] == CRC64NVME.base64(WHOLE)
    facts = seaweed_bucket.head_object(upload.row.key)
    assert facts is not None
    assert facts.checksum_crc64nvme == CRC64NVME.base64(WHOLE)


def test_part_with_another_crc_is_refused(alice: Person) -> None:
    upload = start_parts(alice)
    first = raw_requests(alice, upload, PARTS)[0]

    for attack in (
        first.with_body(PARTS[1]),
        first.with_body(PARTS[1]).with_header(HEADER, CRC64NVME.base64(PARTS[1])),
        first.without_header(HEADER),
    ):
        assert 400 <= send_raw(attack).status < 500
    listed = alice.call("GET", f"/uploads/{upload.id}/parts").json()
    assert listed["parts"] == []


def test_parts_declared_again_but_not_sent_are_rejected(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    upload = start_parts(alice)
    send_all(raw_requests(alice, upload, PARTS))
    raw_requests(alice, upload, [PARTS[1], PARTS[0], PARTS[2]])

    received = complete(alice, upload)

    assert received["state"] == "rejected"
    assert upload.row.rejected_cause == "checksum_differs"
    assert seaweed_bucket.head_object(upload.row.key) is None


def test_client_that_sends_sha256_still_succeeds(alice: Person) -> None:
    upload = alice.start_parts(*map(len, PARTS), part_size=5 * MIB)
    parts = [
        {"part_number": number, "checksum_sha256": SHA256.base64(body)}
        for number, body in enumerate(PARTS, 1)
    ]
    answer = alice.call("POST", f"/uploads/{upload.id}/parts", {"parts": parts}).json()
    send_all(
        [
            RawRequest("PUT", part["url"], part["headers"], body)
            for part, body in zip(answer["parts"], PARTS, strict=True)
        ]
    )

    assert complete(alice, upload)["state"] == "ready"
    assert complete(alice, alice.upload(HELLO))["state"] == "ready"


@pytest.mark.usefixtures("certified")
def test_site_with_sha256_refuses_a_crc_and_names_the_setting(
    alice: Person, settings: Settings
) -> None:
    settings.UPLOADS = {**settings.UPLOADS, "CHECKSUM": "sha256"}
    body = {
        "filename": "a.txt",
        "byte_size": 5,
        "content_type": "text/plain",
        "checksum_crc64nvme": CRC64NVME.base64(HELLO),
    }

    problem = assert_problem(
        alice.call("POST", "/uploads", body), 422, "invalid_request"
    )

    assert "UPLOADS_CHECKSUM" in problem["errors"]["checksum_crc64nvme"][0]


def test_doctor_finds_that_this_storage_verifies_crc64nvme(
    seaweed_bucket: Bucket,
) -> None:
    examination = Examination()
    found = [f for top in ask_contract(examination) for f in top.walk()]
    examination.clear_quietly()

    of_crc = {f.name: f.status for f in found if f.name.startswith("contract.crc64")}
    assert len(of_crc) == 6  # five findings and their group
    assert set(of_crc.values()) == {Status.OK}


def test_released_file_keeps_its_crc(
    alice: Person, settings: Settings, seaweed_bucket: Bucket
) -> None:
    settings.UPLOADS = {**settings.UPLOADS, "QUARANTINE_PREFIX": "quarantine/"}
    program = b"MZ" + bytes(200)
    upload = start(alice, program, filename="picture.png", content_type="image/png")
    assert send_raw(upload.raw_request(program)).status == 200
    assert complete(alice, upload)["state"] == "rejected"

    release = finish(begin_release(upload.row, actor=None))

    assert (release.state, release.checksum_algorithm) == (State.READY, "crc64nvme")
    assert release.checksum_crc64nvme == CRC64NVME.base64(program)
    assert release.checksum_verified_by
