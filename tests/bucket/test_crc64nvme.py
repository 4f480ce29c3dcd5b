"""The bucket refuses bytes with another CRC64NVME than the signed one.

The bucket also reports the CRC. The tests use SeaweedFS only, because moto stores any
bytes.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.bucket.stores import (
    BODY,
    CONTENT_TYPE,
    OTHER_BODY,
    Answer,
    RawRequest,
    Store,
)
from uploads.errors import ChecksumRefused
from uploads.s3.bucket import Part
from uploads.s3.checksums import CRC64NVME
from uploads.s3.copying import copy_object
from uploads.s3.part_plan import MIB, PartPlan

HEADER = CRC64NVME.header


@pytest.fixture
def store(seaweed: Store) -> Store:
    return seaweed


def put(store: Store, key: str, body: bytes) -> RawRequest:
    signed = store.presigner.put_object(
        key=key,
        byte_size=len(body),
        content_type=CONTENT_TYPE,
        checksum_crc64nvme=CRC64NVME.base64(body),
        expires_in=900,
    )
    return RawRequest(signed.method, signed.url, dict(signed.headers), body)


def part(
    store: Store, key: str, multipart_id: str, number: int, body: bytes
) -> RawRequest:
    signed = store.presigner.upload_part(
        key=key,
        multipart_id=multipart_id,
        part_number=number,
        byte_size=len(body),
        checksum_crc64nvme=CRC64NVME.base64(body),
        expires_in=900,
    )
    return RawRequest(signed.method, signed.url, dict(signed.headers), body)


def send(store: Store, raw_request: RawRequest) -> Answer:
    return store.send(raw_request)


@pytest.mark.parametrize("body", [b"", b"1", BODY, b"x" * 3 * MIB])
def test_signed_bytes_are_stored_and_their_crc_is_reported(
    store: Store, body: bytes
) -> None:
    key = store.new_key()

    answer = send(store, put(store, key, body))

    facts = store.bucket.head_object(key)
    assert answer.status == 200
    assert store.stored(key) == body
    assert facts is not None
    assert facts.checksum_crc64nvme == CRC64NVME.base64(body)
    assert facts.checksum_sha256 is None


@pytest.mark.parametrize(
    ("name", "status"),
    [("other bytes", 400), ("other bytes and CRC", 403), ("no CRC", 403)],
)
def test_bytes_with_another_crc_are_refused(
    store: Store, name: str, status: int
) -> None:
    key = store.new_key()
    raw_request = put(store, key, BODY)
    changed = {
        "other bytes": raw_request.with_body(OTHER_BODY),
        "other bytes and CRC": raw_request.with_body(OTHER_BODY).with_header(
            HEADER, CRC64NVME.base64(OTHER_BODY)
        ),
        "no CRC": raw_request.without_header(HEADER),
    }[name]

    answer = send(store, changed)

    assert answer.status == status
    assert store.stored(key) is None


def test_url_with_a_crc_works_once(store: Store) -> None:
    key = store.new_key()
    raw_request = put(store, key, BODY)

    assert [send(store, raw_request).status for _ in range(2)] == [200, 412]


BODIES = [b"1" * 5 * MIB, b"2" * 5 * MIB, b"3" * 1000]


def sent(store: Store, bodies: list[bytes]) -> tuple[str, str, list[Part]]:
    key = store.new_key()
    multipart_id = store.bucket.create_multipart_upload(
        key, content_type=CONTENT_TYPE, checksums=CRC64NVME
    )
    for number, body in enumerate(bodies, 1):
        answer = send(store, part(store, key, multipart_id, number, body))
        assert answer.status == 200
    return key, multipart_id, store.bucket.list_parts(key, multipart_id)


def combined(bodies: list[bytes]) -> str:
    plan = PartPlan(byte_size=sum(map(len, bodies)), part_size=len(bodies[0]))
    return CRC64NVME.join([CRC64NVME.raw(body) for body in bodies], plan)


def complete(
    store: Store, upload: tuple[str, str, list[Part]], **checksum: Any
) -> None:
    key, multipart_id, parts = upload
    store.bucket.complete_multipart_upload(
        key, multipart_id, parts, byte_size=sum(map(len, BODIES)), **checksum
    )


def test_joined_parts_have_the_combined_crc(store: Store) -> None:
    upload = sent(store, BODIES)

    complete(store, upload, checksum_crc64nvme=combined(BODIES))

    facts = store.bucket.head_object(upload[0])
    assert facts is not None
    assert facts.checksum_crc64nvme == combined(BODIES)
    assert facts.checksum_crc64nvme == CRC64NVME.base64(b"".join(BODIES))


def test_join_with_another_crc_is_refused(store: Store) -> None:
    upload = sent(store, BODIES)

    with pytest.raises(ChecksumRefused):
        complete(store, upload, checksum_crc64nvme=CRC64NVME.base64(BODY))

    assert store.bucket.head_object(upload[0]) is None
    complete(
        store, upload, checksum_crc64nvme=combined(BODIES)
    )  # the multipart upload is still open


def test_part_with_another_crc_is_refused(store: Store) -> None:
    key = store.new_key()
    multipart_id = store.bucket.create_multipart_upload(
        key, content_type=CONTENT_TYPE, checksums=CRC64NVME
    )
    raw_request = part(store, key, multipart_id, 1, BODY)

    assert send(store, raw_request.with_body(OTHER_BODY)).status == 400
    assert send(store, raw_request.without_header(HEADER)).status == 403
    assert store.bucket.list_parts(key, multipart_id) == []


def test_copy_has_the_requested_crc(store: Store) -> None:
    key, to = store.new_key(), store.new_key()
    send(store, put(store, key, BODY))
    facts = store.bucket.head_object(key)
    assert facts is not None

    copy_object(
        store.bucket,
        key,
        to,
        etag=facts.etag,
        content_type=CONTENT_TYPE,
        checksums=CRC64NVME,
    )

    copied = store.bucket.head_object(to)
    assert copied is not None
    assert copied.checksum_crc64nvme in {CRC64NVME.base64(BODY), None}
    assert store.stored(to) == BODY
