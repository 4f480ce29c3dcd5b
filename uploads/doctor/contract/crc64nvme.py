"""Tests whether the storage verifies the CRC64NVME of PUTs, parts and joined parts.

The doctor runs these tests even if the site uses SHA-256, so that an operator knows
whether UPLOADS_CHECKSUM=crc64nvme is possible.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from uploads.conf import options
from uploads.doctor.contract.parts import send_part
from uploads.doctor.contract.promises import Promise
from uploads.doctor.examination import Examination
from uploads.doctor.results import Finding, Status
from uploads.errors import ChecksumRefused, StorageError
from uploads.s3.bucket import ObjectFacts
from uploads.s3.checksums import CRC64NVME
from uploads.s3.part_plan import PartPlan
from uploads.s3.probe import CONTENT_TYPE, EXPIRES_IN, perform
from uploads.s3.wire import Answer

FIX = "Set UPLOADS_CHECKSUM=sha256, or use a storage that verifies CRC64NVME."
IN_USE = (
    "The setting UPLOADS_CHECKSUM=crc64nvme has no effect, because this storage does "
    "not fully support CRC64NVME. The site requires SHA-256 for new uploads."
)
UNUSED = "The setting UPLOADS_CHECKSUM=crc64nvme is not possible with this storage."

RIGHT = Promise(
    "contract.crc64nvme.right",
    "A PUT with a CRC64NVME is stored, and HEAD returns the same CRC64NVME",
    Status.FAIL,
    "",
    FIX,
)
OTHER_BYTES = replace(
    RIGHT,
    name="contract.crc64nvme.other_bytes",
    title="A PUT with bytes that do not match its CRC64NVME is refused",
)
OTHER_PART = replace(
    RIGHT,
    name="contract.crc64nvme.other_part",
    title="A part with bytes that do not match its CRC64NVME is refused",
)
JOINED = replace(
    RIGHT,
    name="contract.crc64nvme.joined",
    title="When S3 has joined the parts, HEAD returns the CRC64NVME of the whole "
    "object",
)
OTHER_JOINED = replace(
    RIGHT,
    name="contract.crc64nvme.other_joined",
    title="If the given CRC64NVME of the whole object is wrong, S3 refuses to join the "
    "parts",
)


def ask_crc64nvme(examination: Examination) -> Iterator[Finding]:
    """Yield the findings. If the site uses SHA-256, a failed test is only a NOTE."""
    yield _right(examination)
    body = examination.random_bytes()
    sent = _put(
        examination, examination.new_key("crc"), body, examination.random_bytes()
    )
    yield _of(OTHER_BYTES).refused(sent)
    yield _other_part(examination)
    yield _other_joined(examination)
    yield _joined(examination)


def _of(promise: Promise) -> Promise:
    """Return the promise with the status that it has for this site."""
    if options().checksum == CRC64NVME.algorithm:
        return replace(promise, consequence=IN_USE)
    return replace(promise, status=Status.NOTE, consequence=UNUSED)


def _right(examination: Examination) -> Finding:
    key, body = examination.new_key("crc"), examination.random_bytes()
    answer = _put(examination, key, body, body)
    if answer.status != 200:
        return _of(RIGHT).broken(f"S3 answered {answer}")
    return _told(RIGHT, examination.worker.head_object(key), CRC64NVME.base64(body))


def _told(promise: Promise, facts: ObjectFacts | None, expected: str) -> Finding:
    if facts is None:
        return _of(promise).broken("The object was not stored.")
    found = CRC64NVME.of(facts)
    return _of(promise).kept(found == expected, found or "S3 returned no CRC64NVME.")


def _put(examination: Examination, key: str, signed: bytes, sent: bytes) -> Answer:
    request = examination.uploads.put_object(
        key=key,
        byte_size=len(signed),
        content_type=CONTENT_TYPE,
        expires_in=EXPIRES_IN,
        checksum_crc64nvme=CRC64NVME.base64(signed),
    )
    return perform(request, sent)


def _other_part(examination: Examination) -> Finding:
    key = examination.new_key("crc")
    try:
        multipart_id = _open(examination, key)
    except StorageError as error:
        return _of(OTHER_PART).broken(error.detail)
    signed, sent = examination.random_bytes(), examination.random_bytes()
    answer = send_part(
        examination, key, multipart_id, signed, sent, checksums=CRC64NVME
    )
    examination.worker.abort_multipart_upload(key, multipart_id)
    return _of(OTHER_PART).refused(answer)


def _other_joined(examination: Examination) -> Finding:
    key, body = examination.new_key("crc"), examination.random_bytes()
    wrong = CRC64NVME.base64(examination.random_bytes())
    try:
        _join(examination, key, body, wrong)
    except ChecksumRefused:
        return _of(OTHER_JOINED).kept(True, "BadDigest")
    except StorageError as error:
        # Another error does not prove that S3 has compared the value.
        return _of(OTHER_JOINED).broken(error.detail)
    return _of(OTHER_JOINED).broken("S3 joined the parts.")


def _joined(examination: Examination) -> Finding:
    key, body = examination.new_key("crc"), examination.random_bytes()
    plan = PartPlan(byte_size=len(body), part_size=len(body))
    expected = CRC64NVME.join([CRC64NVME.raw(body)], plan)
    try:
        _join(examination, key, body, expected)
    except StorageError as error:
        return _of(JOINED).broken(error.detail)
    return _told(JOINED, examination.worker.head_object(key), expected)


def _join(examination: Examination, key: str, body: bytes, checksum: str) -> None:
    bucket, multipart_id = examination.worker, _open(examination, key)
    try:
        send_part(examination, key, multipart_id, body, checksums=CRC64NVME)
        bucket.complete_multipart_upload(
            key,
            multipart_id,
            bucket.list_parts(key, multipart_id),
            byte_size=len(body),
            checksum_crc64nvme=checksum,
        )
    except StorageError:
        bucket.abort_multipart_upload(key, multipart_id)
        raise


def _open(examination: Examination, key: str) -> str:
    return examination.worker.create_multipart_upload(
        key, content_type=CONTENT_TYPE, checksums=CRC64NVME
    )
