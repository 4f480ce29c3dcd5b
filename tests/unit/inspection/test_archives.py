"""Ordinary and damaged ZIP archives are accepted. Harmful ones are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support import archives
from tests.support.archives import Raw, packed, raw
from tests.support.zip_files import (
    DEFLATED,
    NOISE,
    ORDINARY,
    STORED,
    ZIP64,
    inspect_archive,
    self_extracting,
)

BOMB = Raw(b"bomb", bytes(120_000_000), method=DEFLATED)


@pytest.mark.parametrize("content", ORDINARY.values(), ids=ORDINARY.keys())
def test_ordinary_archive_is_accepted(content: bytes) -> None:
    verdict = inspect_archive(content)

    assert verdict.accepted, verdict.reason


def test_encrypted_archive_is_accepted() -> None:
    content = bytearray(packed(("a.zip", NOISE), ("b", b"b")))
    for magic, flags in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        content[content.find(magic) + flags] |= 1

    assert inspect_archive(bytes(content)).accepted


def test_zip64_archive_is_accepted_below_the_limit_and_refused_above() -> None:
    assert b"PK\x06\x06" in ZIP64

    assert inspect_archive(ZIP64).accepted
    assert not inspect_archive(ZIP64, bomb_bytes=100, max_ratio=0).accepted


@pytest.mark.parametrize("content_type", ["application/octet-stream", "text/plain"])
def test_self_extracting_archive_is_accepted_and_inspected(content_type: str) -> None:
    assert inspect_archive(self_extracting(), "setup.exe", content_type).accepted
    assert not inspect_archive(
        self_extracting(), "setup.exe", bomb_bytes=1, max_ratio=0
    ).accepted


HARMFUL = {
    "a bomb": (archives.bomb(), "200 MB"),
    "many small bombs": (
        packed(*((f"{n}", bytes(1_000_000)) for n in range(200))),
        "fill a disk",
    ),
    "overlapping entries": (archives.overlapping(), "fill a disk"),
    "two overlapping entries": (
        archives.overlapping(2, 10),
        "data of two files overlaps",
    ),
    "42 nested stored archives": (archives.nested(42, compression=STORED), "16 levels"),
    "42 nested stored archives, named as a picture": (
        archives.nested(42, compression=STORED, name="holiday.jpg"),
        "16 levels",
    ),
    "42 nested deflated archives": (
        archives.nested(42, compression=DEFLATED),
        "16 levels",
    ),
    "42 nested deflated archives, named as a picture": (
        archives.nested(42, compression=DEFLATED, name="holiday.jpg"),
        "16 levels",
    ),
    "100 stored archives of 99 MB of zeros": (
        packed(
            *((f"{n}.zip", archives.bomb(99)) for n in range(100)), compression=STORED
        ),
        "fill a disk",
    ),
    "a bomb in a stored archive": (
        packed(("a.zip", archives.bomb()), ("b", b"b"), compression=STORED),
        "200 MB",
    ),
    "a bomb in a compressed archive": (
        packed(("a.zip", archives.bomb()), ("b", b"b")),
        "200 MB",
    ),
    "a bomb in three nested archives": (
        packed(("x", packed(("y", packed(("z.zip", archives.bomb())))))),
        "200 MB",
    ),
    "a link in a stored archive": (
        packed(("a.zip", archives.with_symlink()), compression=STORED),
        "outside of the archive",
    ),
    "a forbidden name in a stored archive": (
        packed(("a.zip", packed(("../x", b"x"))), compression=STORED),
        "outside of the target folder",
    ),
    "a bomb with an empty end record in its comment": (
        raw(BOMB, comment=archives.end_record(0, b"", b"", b"")[:-2] + b"\xff\xff"),
        "fill a disk",
    ),
    "a bomb that ends with the signature of an end record": (
        raw(BOMB, comment=b"PK\x05\x06"),
        "fill a disk",
    ),
    "a bomb with another archive in its comment": (
        raw(BOMB, comment=packed(("a", b"a"))),
        "fill a disk",
    ),
    "a bomb after another archive": (packed(("a", b"a")) + raw(BOMB), "fill a disk"),
    "a bomb after one byte": (raw(BOMB, prefix=b"\n"), "fill a disk"),
    "a bomb after one byte, with a false end record": (
        raw(BOMB, prefix=b"\n", comment=b"PK\x05\x06"),
        "fill a disk",
    ),
    "a bomb that declares fewer bytes than it stores": (
        raw(replace(BOMB, declared=1000)),
        "fill a disk",
    ),
    "a bomb without a directory": (
        raw(BOMB).split(b"PK\x01\x02")[0],
        "fill a disk",
    ),
    "a forbidden name in an archive without a directory": (
        raw(Raw(b"a", b"a"), Raw(b"../b", b"b")).split(b"PK\x01\x02")[0],
        "outside of the target folder",
    ),
    "a bomb with a volume number": (
        raw(BOMB).replace(b"PK\x05\x06\x00\x00", b"PK\x05\x06\x01\x00"),
        "fill a disk",
    ),
}


@pytest.mark.parametrize(("content", "words"), HARMFUL.values(), ids=HARMFUL.keys())
def test_harmful_archives_are_refused(content: bytes, words: str) -> None:
    verdict = inspect_archive(content)

    assert not verdict.accepted
    assert words in verdict.reason
    assert len(verdict.reason) < 255


@pytest.mark.parametrize(
    ("filename", "content_type"),
    [
        ("a.zip", "application/octet-stream"),
        ("a.bin", "application/zip"),
        ("a.bin", "application/octet-stream"),
        ("a.docx", "application/vnd.ms-word"),
        ("setup.exe", "application/octet-stream"),
    ],
)
@pytest.mark.parametrize("prefix", [b"", b"\n", b"MZ\x00", b"#!/bin/sh\n", b"\x7fELF"])
def test_zip_bomb_is_found_under_any_name_type_and_prefix(
    filename: str, content_type: str, prefix: bytes
) -> None:
    assert not inspect_archive(
        raw(BOMB, prefix=prefix), filename, content_type
    ).accepted


def test_local_extra_field_that_moves_data_into_the_next_entry_is_refused() -> None:
    verdict = inspect_archive(archives.scattered(3000, extra=0xFFF0))

    assert "data of two files overlaps" in verdict.reason


DAMAGED = {
    "truncated": packed(("a", NOISE))[:100_000],
    "end record cut off": packed(("a", NOISE))[:-10],
    "wrong start of the directory": archives.with_false_end_record(
        packed(("a", b"a")), about="start", value=10**6
    ),
    "wrong size of the directory": archives.with_false_end_record(
        packed(("a", b"a")), about="size", value=10**6
    ),
    "damaged directory entry": packed(("a", b"a")).replace(
        b"PK\x01\x02", b"PK\x01\x03"
    ),
    "damaged second directory entry": packed(("a", b"a"), ("b", b"b"))
    .replace(b"PK\x01\x02", b"PK\x01\x03", 2)
    .replace(b"PK\x01\x03", b"PK\x01\x02", 1),
    "damaged second local header": packed(("a", b"a"), ("b", b"b"))
    .replace(b"PK\x03\x04", b"PK\x03\x05", 2)
    .replace(b"PK\x03\x05", b"PK\x03\x04", 1),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
def test_damaged_archives_are_accepted_with_a_note(content: bytes) -> None:
    verdict = inspect_archive(content)

    assert verdict.accepted, verdict.reason
    assert "damaged" in verdict.reason


def test_one_volume_of_a_split_archive_is_accepted() -> None:
    content = packed(("a", b"a")).replace(b"PK\x05\x06\x00\x00", b"PK\x05\x06\x02\x00")

    assert inspect_archive(content).accepted
