"""Archives by their own lists: what explodes is refused, what people send is not."""

from __future__ import annotations

import gzip
import io
import random
import tracemalloc
import zipfile
from typing import Any

import pytest

from tests.support import archives
from tests.support.archives import packed
from tests.support.inspectors import sample_of
from uploads.inspection.archives import ArchiveInspector
from uploads.inspection.ranges import BLOCK, BlockReader
from uploads.inspection.verdicts import Verdict
from uploads.inspection.zip_directory import find_directory, read_entries

NOISE = random.Random(1).randbytes(200_000)
STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED


def look(
    content: bytes,
    filename: str = "a.zip",
    content_type: str = "application/zip",
    **options: Any,
) -> Verdict:
    sample = sample_of(content, content_type, filename)
    inspector = ArchiveInspector(**options)
    return inspector.inspect(sample) if inspector.wants(sample) else Verdict(True)


def self_extracting() -> bytes:
    return b"MZ" + bytes(500) + packed(("a.txt", NOISE))


ZIP64 = archives.in_zip64(("a.txt", NOISE), ("b/c.txt", b"hello" * 9), ("d", b""))

ORDINARY = {
    "a few files": packed(("a.txt", b"hello"), ("b/c.txt", NOISE)),
    "nothing": packed(),
    "a folder": packed(("a/", b"")),
    "stored": packed(("a.txt", b"hello"), compression=STORED),
    "bzip2": packed(("a.txt", NOISE), compression=zipfile.ZIP_BZIP2),
    "lzma": packed(("a.txt", NOISE), compression=zipfile.ZIP_LZMA),
    "a log, 20 to 1": packed(
        *(
            (f"{n}.log", b"".join(b"%09d GET /a\n" % i for i in range(5000)))
            for n in "ab"
        )
    ),
    "zeros, but few": packed(("zeros", bytes(10_000_000))),
    "a document": archives.document(),
    "a document of one letter": archives.document(b"a" * 3_000_000),
    "documents, compressed again": packed(
        ("a.docx", archives.document()),
        ("b.xlsx", archives.document()),
        ("c.txt", b"c"),
    ),
    "one document, compressed again": packed(("a.docx", archives.document())),
    "an archive beside other files": packed(
        ("inner.zip", packed(("a", NOISE))), ("readme.txt", b"hello")
    ),
    "archives in archives, as Java has them": packed(
        *((f"lib/{n}.jar", packed(("A.class", NOISE[:2000]))) for n in range(30)),
        compression=STORED,
    ),
    "five deep": archives.nested(6, compression=STORED),
    "a broken archive inside": packed(
        ("a.zip", packed(("a", NOISE))[:-30]), ("b", b"b"), compression=STORED
    ),
    "dots that lead nowhere": packed(("a..b/c..", b""), ("...", b""), ("..a", b"")),
    "long names": archives.with_entries("x" * 250 + str(n) for n in range(100)),
    "a comment": packed(("a", b"a"))[:-2] + b"\x05\x00hello",
}


@pytest.mark.parametrize("content", ORDINARY.values(), ids=ORDINARY.keys())
def test_ordinary_archives_pass(content: bytes) -> None:
    verdict = look(content)

    assert verdict.accepted, verdict.reason


def test_an_encrypted_archive_passes() -> None:
    content = bytearray(packed(("a.zip", NOISE), ("b", b"b")))
    for magic, flags in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        content[content.find(magic) + flags] |= 1

    assert look(bytes(content)).accepted


def test_zip64_passes_and_is_counted() -> None:
    assert b"PK\x06\x06" in ZIP64

    assert look(ZIP64).accepted
    assert not look(ZIP64, max_entries=2).accepted
    assert not look(ZIP64, max_declared_bytes=100).accepted


@pytest.mark.parametrize("content_type", ["application/octet-stream", "text/plain"])
def test_a_self_extracting_archive_passes_and_is_looked_into(content_type: str) -> None:
    assert look(self_extracting(), "setup.exe", content_type).accepted
    assert not look(self_extracting(), "setup.exe", max_declared_bytes=100).accepted


HARMFUL = {
    "a bomb": (archives.bomb(), "200 MB"),
    "overlapping entries": (archives.overlapping(), "overlap"),
    "a few that overlap": (archives.overlapping(2, 10), "overlap"),
    "42 deep, stored": (archives.nested(42, compression=STORED), "more than 5 deep"),
    "42 deep, stored, by another name": (
        archives.nested(42, compression=STORED, name="holiday.jpg"),
        "more than 5 deep",
    ),
    "42 deep, deflated": (
        archives.nested(42, compression=DEFLATED),
        "nothing but another archive",
    ),
    "42 deep, deflated, by another name": (
        archives.nested(42, compression=DEFLATED, name="holiday.jpg"),
        "nothing but another archive",
    ),
    "seven deep": (archives.nested(7, compression=STORED), "more than 5 deep"),
    "layers, as in 42.zip": (
        packed(
            *(
                (f"lib {n}.zip", packed(*((f"b{m}", bytes(99)) for m in range(300))))
                for n in range(16)
            )
        ),
        "3 to 1",
    ),
    "a bomb in a stored archive": (
        packed(("a.zip", archives.bomb()), ("b", b"b"), compression=STORED),
        "200 MB",
    ),
    "a parent folder": (packed(("../../etc/cron.d/x", b"x")), "outside"),
    "a parent folder in the middle": (packed(("a/../../x", b"x")), "outside"),
    "a parent folder, Windows": (archives.with_entries(["a\\..\\..\\x"]), "outside"),
    "an absolute name": (archives.with_entries(["/etc/passwd"]), "outside"),
    "a drive": (archives.with_entries(["C:/Windows/x.dll"]), "outside"),
    "a symbolic link": (archives.with_symlink(), "symbolic link"),
    "a symbolic link in a stored archive": (
        packed(("a.zip", archives.with_symlink()), compression=STORED),
        "symbolic link",
    ),
    "truncated": (packed(("a", NOISE))[:100_000], "damaged"),
    "its end cut off": (packed(("a", NOISE))[:-10], "damaged"),
    "a list that is elsewhere": (
        archives.lying(packed(("a", b"a")), about="start", value=10**6),
        "damaged",
    ),
    "a list that is longer": (
        archives.lying(packed(("a", b"a")), about="size", value=10**6),
        "damaged",
    ),
    "a list of something else": (
        packed(("a", b"a")).replace(b"PK\x01\x02", b"PK\x01\x03"),
        "damaged",
    ),
    "a volume of several": (
        packed(("a", b"a")).replace(b"PK\x05\x06\x00\x00", b"PK\x05\x06\x02\x00"),
        "several",
    ),
}


@pytest.mark.parametrize(("content", "words"), HARMFUL.values(), ids=HARMFUL.keys())
def test_harmful_and_broken_archives_are_refused(content: bytes, words: str) -> None:
    verdict = look(content)

    assert not verdict.accepted
    assert words in verdict.reason
    assert len(verdict.reason) < 255


def test_a_hundred_thousand_entries_are_refused_before_their_list_is_read() -> None:
    content = archives.overlapping(copies=100_000, size=0)
    asked: list[tuple[int, int]] = []

    def read(start: int, length: int) -> bytes:
        asked.append((start, length))
        return content[start : start + length]

    sample = sample_of(content, "application/zip", "a.zip", read=read)
    verdict = ArchiveInspector().inspect(sample)

    assert "50,000 files" in verdict.reason
    assert sum(length for _, length in asked) < 3 * BLOCK


def test_a_list_that_is_longer_than_it_says_is_counted_all_the_same() -> None:
    content = archives.with_entries(map(str, range(300)))
    content = archives.lying(content, about="entry_count", value=1)

    assert not look(content, max_entries=299).accepted
    assert look(content, max_entries=300).accepted


def test_an_enormous_list_is_refused_before_it_is_read() -> None:
    content = archives.with_entries("x" * 200 + str(n) for n in range(100))

    verdict = look(content, max_directory_bytes=10_000)

    assert "list of contents" in verdict.reason


def test_a_list_that_says_too_little_changes_nothing_here() -> None:
    # Nothing is unpacked by us, and who unpacks by the list gets no more than it says.
    content = archives.saying(archives.bomb(), 1000)

    assert look(content).accepted


def test_the_whole_of_all_archives_is_counted() -> None:
    inner = packed(("a", NOISE), ("b", NOISE))
    content = packed(("a.zip", inner), ("b.zip", inner), compression=STORED)

    assert look(content, max_entries=6).accepted
    assert not look(content, max_entries=5).accepted
    assert not look(content, max_archives=1).accepted
    assert not look(content, max_declared_bytes=len(inner) * 2 + 500_000).accepted


def test_symbolic_links_can_be_allowed() -> None:
    assert look(archives.with_symlink(), allow_symlinks=True).accepted


def test_what_does_not_say_that_it_is_an_archive_may_be_a_broken_one() -> None:
    content = packed(("a", NOISE))[:1000]

    assert look(content, "a.bin", "application/octet-stream").accepted
    assert not look(content, "a.docx", "application/octet-stream").accepted


def test_a_bomb_is_a_bomb_whatever_it_says_it_is() -> None:
    content = archives.bomb()

    assert not look(content, "a.bin", "application/octet-stream").accepted
    assert not look(content, "a.docx", "application/vnd.ms-word").accepted


def test_no_more_than_a_few_blocks_are_in_memory() -> None:
    names = ["x" * 200 + str(n) for n in range(20_000)]
    content = archives.with_entries(names)
    sample = sample_of(content, "application/zip", "a.zip")

    tracemalloc.start()
    assert ArchiveInspector().inspect(sample).accepted
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 12 * 1024**2


# gzip


def test_a_gzip_bomb_is_refused() -> None:
    content = gzip.compress(bytes(150_000_000), compresslevel=1)

    verdict = look(content, "a.gz", "application/gzip")

    assert "150 MB" in verdict.reason


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(NOISE),
        gzip.compress(bytes(10_000_000)),
        gzip.compress(b""),
        gzip.compress(NOISE)[:50],
        b"\x1f\x8b",
    ],
    ids=len,
)
def test_ordinary_gzip_files_pass(content: bytes) -> None:
    assert look(content, "a.gz", "application/gzip").accepted


# The list as zipfile reads it


@pytest.mark.parametrize("content", ORDINARY.values(), ids=ORDINARY.keys())
def test_the_list_is_the_one_that_zipfile_reads(content: bytes) -> None:
    assert ours(content) == theirs(content)


@pytest.mark.parametrize(
    "content",
    [self_extracting(), ZIP64, b"MZ" + bytes(999) + ZIP64, archives.with_symlink()],
    ids=len,
)
def test_odd_lists_are_the_ones_that_zipfile_reads(content: bytes) -> None:
    assert ours(content) == theirs(content)


def test_random_damage_is_a_verdict_and_never_a_failure() -> None:
    chance = random.Random(7)
    whole = packed(("a.zip", packed(("x", b"x"))), ("b.txt", b"b" * 50))
    for _ in range(3000):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        cut = chance.choice([len(content), chance.randrange(len(content))])

        look(bytes(content[:cut]))


def ours(content: bytes) -> list[tuple[str, int, int, int]]:
    file = BlockReader(
        lambda start, length: content[start : start + length], len(content), block=100
    )
    return [
        (entry.name, entry.declared_bytes, entry.stored_bytes, entry.header_start)
        for entry in read_entries(file, find_directory(file))
    ]


def theirs(content: bytes) -> list[tuple[str, int, int, int]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [
            (info.filename, info.file_size, info.compress_size, info.header_offset)
            for info in archive.infolist()
        ]
