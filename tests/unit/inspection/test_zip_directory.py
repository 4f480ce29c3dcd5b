"""Compare the parsed directory of a ZIP archive with Python's zipfile."""

from __future__ import annotations

import io
import random
import zipfile

import pytest

from tests.support import archives
from tests.support.archives import packed
from tests.support.zip_files import ORDINARY, ZIP64, inspect_archive, self_extracting
from uploads.inspection.ranges import BlockReader
from uploads.inspection.zip_directory import find_directories, read_entries


@pytest.mark.parametrize("content", ORDINARY.values(), ids=ORDINARY.keys())
def test_directory_is_the_same_as_in_zipfile(content: bytes) -> None:
    assert ours(content) == theirs(content)


@pytest.mark.parametrize(
    "content",
    [self_extracting(), ZIP64, b"MZ" + bytes(999) + ZIP64, archives.with_symlink()],
    ids=len,
)
def test_unusual_directories_are_the_same_as_in_zipfile(content: bytes) -> None:
    assert ours(content) == theirs(content)


def test_randomly_damaged_archive_gets_a_verdict() -> None:
    chance = random.Random(7)
    whole = packed(("a.zip", packed(("x", b"x"))), ("b.txt", b"b" * 50))
    for _ in range(3000):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        cut = chance.choice([len(content), chance.randrange(len(content))])

        inspect_archive(bytes(content[:cut]))


def ours(content: bytes) -> list[tuple[str, int, int, int]]:
    file = BlockReader(
        lambda start, length: content[start : start + length], len(content), block=100
    )
    return [
        (
            entry.name.decode("utf-8"),
            entry.declared_bytes,
            entry.stored_bytes,
            entry.header_start,
        )
        for directory in find_directories(file)[:1]
        for entry in read_entries(file, directory)
    ]


def theirs(content: bytes) -> list[tuple[str, int, int, int]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [
            (info.filename, info.file_size, info.compress_size, info.header_offset)
            for info in archive.infolist()
        ]
