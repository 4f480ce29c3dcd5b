"""Compare checksums with test vectors and with a slow computation by bits."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploads.s3.checksums import (
    ALL,
    CRC64NVME,
    SHA256,
    Checksums,
    checksums_named,
    chosen,
    headers_of,
)
from uploads.s3.part_plan import MAX_PART_SIZE, MAX_PARTS, PartPlan

VECTORS = {
    b"": "0000000000000000",
    b"123456789": "ae8b14860a799888",
    bytes(4096): "6482d367eb22b64e",
    b"\xff" * 4096: "c0ddba7302eca3ac",
    bytes(range(256)) * 16: "3e729f5f6750449c",
    bytes(range(255, -1, -1)) * 16: "9a2df64b8e9e517e",
}
"""The check value, and the examples of the NVM Express specification."""


def slow_crc(content: bytes) -> int:
    """Return the CRC64NVME, computed by its definition one bit at a time."""
    crc = 2**64 - 1
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x9A6C9329AC4BC9B5 if crc & 1 else 0)
    return crc ^ 2**64 - 1


@pytest.mark.parametrize(("content", "expected"), VECTORS.items())
def test_crc64nvme_agrees_with_the_vectors(content: bytes, expected: str) -> None:
    assert CRC64NVME.raw(content).hex() == expected
    assert slow_crc(content) == int(expected, 16)


def test_check_value_has_the_format_of_s3() -> None:
    assert CRC64NVME.base64(b"123456789") == "rosUhgp5mIg="


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_crc64nvme_of_pieces_equals_the_crc_of_the_whole(pieces: list[bytes]) -> None:
    begun = CRC64NVME.new()
    for piece in pieces:
        begun.update(piece)
        copy = begun.copy()
        copy.update(b"more")  # this must not change the original

    assert begun.digest() == slow_crc(b"".join(pieces)).to_bytes(8, "big")


@given(st.binary(min_size=1, max_size=2000), st.integers(min_value=1, max_value=2000))
def test_crcs_of_parts_combine_to_the_crc_of_the_file(
    content: bytes, part_size: int
) -> None:
    plan = PartPlan(byte_size=len(content), part_size=part_size)
    parts = [
        CRC64NVME.raw(content[start : start + part_size])
        for start in range(0, len(content), part_size)
    ]

    assert CRC64NVME.join(parts, plan) == CRC64NVME.base64(content)


def test_crcs_of_parts_combine_for_the_largest_possible_file() -> None:
    """The file has only zeros, so the test can compute its CRC without terabytes."""
    plan = PartPlan(byte_size=MAX_PARTS * MAX_PART_SIZE - 1, part_size=MAX_PART_SIZE)
    full, last = crc_of_zeros(MAX_PART_SIZE), crc_of_zeros(MAX_PART_SIZE - 1)

    joined = CRC64NVME.join([full] * (MAX_PARTS - 1) + [last], plan)

    assert base64.b64decode(joined) == crc_of_zeros(plan.byte_size)


def crc_of_zeros(count: int) -> bytes:
    """Return the CRC of ``count`` zero bytes, with powers of the matrix of one step."""
    step = [slow_shift(1 << bit) for bit in range(64)]
    state = 2**64 - 1
    while count:
        if count & 1:
            state = times(step, state)
        step = [times(step, row) for row in step]
        count >>= 1
    return (state ^ 2**64 - 1).to_bytes(8, "big")


def slow_shift(state: int) -> int:
    for _ in range(8):
        state = state >> 1 ^ (0x9A6C9329AC4BC9B5 if state & 1 else 0)
    return state


def times(matrix: list[int], vector: int) -> int:
    total = 0
    for bit, row in enumerate(matrix):
        if vector >> bit & 1:
            total ^= row
    return total


def test_sha256_of_parts_is_the_hash_of_their_hashes() -> None:
    parts = [hashlib.sha256(b"a").digest(), hashlib.sha256(b"b").digest()]
    total = base64.b64encode(hashlib.sha256(b"".join(parts)).digest()).decode()

    assert SHA256.join(parts, PartPlan(byte_size=2, part_size=1)) == f"{total}-2"


@pytest.mark.parametrize(
    ("checksums", "names"),
    [
        (SHA256, ("SHA256", "x-amz-checksum-sha256", "ChecksumSHA256")),
        (CRC64NVME, ("CRC64NVME", "x-amz-checksum-crc64nvme", "ChecksumCRC64NVME")),
    ],
)
def test_checksum_algorithm_has_the_header_and_field_names_of_s3(
    checksums: Checksums, names: tuple[str, str, str]
) -> None:
    assert (checksums.name, checksums.header, checksums.member) == names
    assert checksums_named(checksums.algorithm.value) is checksums
    assert checksums.attribute == f"checksum_{checksums.algorithm.value}"


@pytest.mark.parametrize("checksums", ALL)
def test_only_a_checksum_of_the_right_length_is_decoded(checksums: Checksums) -> None:
    raw = checksums.raw(b"x")

    assert checksums.decoded(base64.b64encode(raw).decode()) == raw
    for wrong in ("", "?", raw.hex(), base64.b64encode(raw[:-1]).decode()):
        assert checksums.decoded(wrong) == b""


def test_exactly_one_checksum_is_signed() -> None:
    assert chosen(checksum_sha256="a", checksum_crc64nvme="") == (SHA256, "a")
    assert chosen(checksum_crc64nvme="b") == (CRC64NVME, "b")
    assert headers_of(checksum_crc64nvme="b") == {"x-amz-checksum-crc64nvme": "b"}
    with pytest.raises(ValueError, match="values to unpack"):
        chosen(checksum_sha256="a", checksum_crc64nvme="b")
