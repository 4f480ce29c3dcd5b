"""Archives: those that harm who unpacks them are refused, and no others."""

from __future__ import annotations

import gzip
import io
import random
import time
import tracemalloc
import zipfile
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest

from tests.support import archives
from tests.support.archives import Raw, link, packed, raw, unicode_path
from tests.support.inspectors import sample_of
from uploads.inspection.archives import ArchiveInspector
from uploads.inspection.budget import Budget, OverBudget
from uploads.inspection.gzip_files import unpacked_bytes
from uploads.inspection.ranges import BlockReader
from uploads.inspection.verdicts import Verdict
from uploads.inspection.zip_directory import find_directories, read_entries

NOISE = random.Random(1).randbytes(200_000)
STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
BOMB = Raw(b"bomb", bytes(120_000_000), method=DEFLATED)


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
    "Dropbox's folder": archives.raw(Raw(b"/"), Raw(b"a.txt", b"hello")),
    "nothing but one archive": packed(("a.jar", packed(("A.class", NOISE[:999])))),
    "nothing but one tar file": packed(("a.tar.gz", gzip.compress(NOISE))),
    "archives that are compressed again": packed(
        *(
            (f"{n}.zip", packed(*((f"b{m}", bytes(99)) for m in range(300))))
            for n in range(16)
        )
    ),
    "a wheel with archives for its tests": packed(
        ("tests/a.zip", packed(("a", bytes(5_000_000)))), ("b.py", b"pass")
    ),
    "a stored file of zeros": packed(("zeros", bytes(3_000_000)), compression=STORED),
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


def test_zip64_is_accepted_and_counted() -> None:
    assert b"PK\x06\x06" in ZIP64

    assert look(ZIP64).accepted
    assert not look(ZIP64, bomb_bytes=100, max_ratio=0).accepted


@pytest.mark.parametrize("content_type", ["application/octet-stream", "text/plain"])
def test_a_self_extracting_archive_passes_and_is_looked_into(content_type: str) -> None:
    assert look(self_extracting(), "setup.exe", content_type).accepted
    assert not look(self_extracting(), "setup.exe", bomb_bytes=1, max_ratio=0).accepted


FORBIDDEN_NAMES = (
    b"../x",
    b"../../etc/cron.d/x",
    b"a/../../x",
    b"a\\..\\..\\x",
    b"a\\b/../../x",  # on Unix a backslash is a letter
    b".. /x",
    b"a/.. ./.. /x",
    b" ../x",
    b"..",
    b"..\\x",
    b"/etc/passwd",
    b"//server/x",
    b"\\\\server\\x",
    b"\\x",
    b" /x",
    b"C:/Windows/x.dll",
    b"C:x",
    b"./C:x",
    b"c:\\x",
    b"..\x00/x",
    b"\xc0\xae\xc0\xae/x",
    b"..\xc0\xafx",
)

PLAIN_NAMES = (
    b"/",
    b"./",
    b"./a",
    b"a//b",
    b"a/../b",
    b"...",
    b"..a/b..",
    b"a..b",
    b"B::Deparse.3pm",
    b"caf\xc3\xa9:x",
    b"\xc0 la carte.txt",
    b"back\\slash.txt",
    b"NUL",
    b"aux.txt",
    b"a\x00\x00",
)


@pytest.mark.parametrize("name", FORBIDDEN_NAMES)
def test_name_that_leaves_the_folder_is_refused_wherever_it_stands(name: bytes) -> None:
    for place, entry in {
        "list": Raw(name, local_name=b"a"),
        "local header": Raw(b"a", local_name=name),
        "Unicode path in the list": Raw(b"a", extra=unicode_path(name)),
        "Unicode path in the local header": Raw(b"a", local_extra=unicode_path(name)),
        "behind another field": Raw(b"a", extra=b"xx\x02\x00yy" + unicode_path(name)),
    }.items():
        for system in (archives.UNIX, archives.FAT):
            verdict = look(raw(Raw(b"first"), replace(entry, system=system)))
            assert not verdict.accepted, place
            assert "outside of its folder" in verdict.reason


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_name_that_stays_in_the_folder_is_accepted(name: bytes) -> None:
    assert look(raw(Raw(name, extra=unicode_path(name)), Raw(b"b"))).accepted


LEADING_LINKS = {
    "absolute": [link(b"link", b"/etc/passwd")],
    "to the parent": [link(b"link", b"..")],
    "above by two": [link(b"a/link", b"../../x")],
    "a drive": [link(b"link", b"C:\\x")],
    "Windows separators": [link(b"a/link", b"..\\..\\x")],
    "host Atari": [link(b"link", b"/etc", system=archives.ATARI)],
    "host FAT": [link(b"link", b"/etc", system=archives.FAT)],
    "an unknown host": [link(b"link", b"/etc", system=200)],
    "compressed": [link(b"link", b"/etc" * 50, method=DEFLATED)],
    "with a zero byte": [link(b"link", b"/etc\x00")],
    "through a link to a folder": [link(b"a", b"."), link(b"b", b"a/..")],
    "through a link, other case": [link(b"A", b"."), link(b"b", b"a/..")],
    "through a later link": [link(b"b", b"a/.."), link(b"a", b".")],
    "a chain": [link(b"a", b"b"), link(b"b", b"c"), link(b"c", b"../x")],
    "below a link": [
        link(b"a/b/c/d", b"x"),
        link(b"e", b"a/b/c"),
        link(b"e/f", b"../../x"),
    ],
    "below a link, if links are made last": [
        Raw(b"a/b/c", b"c"),
        link(b"e", b"a/b"),
        link(b"e/f", b"../.."),
    ],
    "a name twice": [link(b"a", b"b/c/d"), link(b"a", b"."), link(b"e", b"a/..")],
    "a name with a parent folder": [link(b"a", b"."), Raw(b"a/../b", b"b")],
}


@pytest.mark.parametrize("entries", LEADING_LINKS.values(), ids=LEADING_LINKS.keys())
def test_link_that_leads_outside_is_refused(entries: list[Raw]) -> None:
    verdict = look(raw(*entries))

    assert not verdict.accepted
    assert "link" in verdict.reason
    assert look(raw(*entries), allow_symlinks=True).accepted


STAYING_LINKS = {
    "beside it": [link(b"a/link", b"b")],
    "to the archive's folder": [link(b"a/link", b"..")],
    "a framework of macOS": [
        Raw(b"F.framework/Versions/A/F", b"f"),
        link(b"F.framework/Versions/Current", b"A"),
        link(b"F.framework/F", b"Versions/Current/F"),
        link(b"F.framework/Resources", b"Versions/Current/Resources"),
    ],
    "node_modules": [
        link(b"node_modules/.bin/tsc", b"../typescript/bin/tsc"),
        link(b"node_modules/a", b".store/a@1/node_modules/a"),
        link(b"node_modules/.store/a@1/node_modules/b", b"../../b@2/node_modules/b"),
    ],
    "in a circle": [link(b"a", b"b"), link(b"b", b"a")],
    "to itself": [link(b"a", b"a/x")],
    "an entry below a link": [link(b"a", b"b"), Raw(b"a/c", b"c")],
    "nothing": [link(b"a", b"")],
    "encrypted": [link(b"a", b"xxxxxxxxxxxxxxxx", flags=1)],
}


@pytest.mark.parametrize("entries", STAYING_LINKS.values(), ids=STAYING_LINKS.keys())
def test_link_that_stays_inside_is_accepted(entries: list[Raw]) -> None:
    verdict = look(raw(*entries))

    assert verdict.accepted, verdict.reason


def test_many_honest_links_are_accepted() -> None:
    entries = [
        link(b"m/%d/node_modules/dep" % n, b"../../%d/lib" % (n + 1))
        for n in range(2000)
    ]

    assert look(raw(*entries)).accepted


def test_links_that_multiply_are_refused_soon() -> None:
    entries = [
        link(b"%d" % n, b"/".join([b"%d" % (n + 1), b".."] * 9)) for n in range(30)
    ]

    started = time.monotonic()
    verdict = look(raw(*entries))

    assert not verdict.accepted
    assert time.monotonic() - started < 2


HARMFUL = {
    "a bomb": (archives.bomb(), "200 MB"),
    "many small bombs": (
        packed(*((f"{n}", bytes(1_000_000)) for n in range(200))),
        "fill a disk",
    ),
    "overlapping entries": (archives.overlapping(), "fill a disk"),
    "a few that overlap": (archives.overlapping(2, 10), "share the same bytes"),
    "42 deep, stored": (archives.nested(42, compression=STORED), "16 levels"),
    "42 deep, stored, by another name": (
        archives.nested(42, compression=STORED, name="holiday.jpg"),
        "16 levels",
    ),
    "42 deep, deflated": (archives.nested(42, compression=DEFLATED), "16 levels"),
    "42 deep, deflated, by another name": (
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
    "a bomb in layers": (
        packed(("x", packed(("y", packed(("z.zip", archives.bomb())))))),
        "200 MB",
    ),
    "a link in a stored archive": (
        packed(("a.zip", archives.with_symlink()), compression=STORED),
        "outside of the archive",
    ),
    "a name in a stored archive": (
        packed(("a.zip", packed(("../x", b"x"))), compression=STORED),
        "outside of its folder",
    ),
    "a bomb and an empty end in its comment": (
        raw(BOMB, comment=archives.end_record(0, b"", b"", b"")[:-2] + b"\xff\xff"),
        "fill a disk",
    ),
    "a bomb and the mark of an end as its last bytes": (
        raw(BOMB, comment=b"PK\x05\x06"),
        "fill a disk",
    ),
    "a bomb and another whole archive in its comment": (
        raw(BOMB, comment=packed(("a", b"a"))),
        "fill a disk",
    ),
    "a bomb behind another archive": (packed(("a", b"a")) + raw(BOMB), "fill a disk"),
    "a bomb behind one byte": (raw(BOMB, prefix=b"\n"), "fill a disk"),
    "a bomb behind one byte, with a false end": (
        raw(BOMB, prefix=b"\n", comment=b"PK\x05\x06"),
        "fill a disk",
    ),
    "a bomb that declares fewer bytes than it stores": (
        raw(replace(BOMB, declared=1000)),
        "fill a disk",
    ),
    "a bomb without a list": (
        raw(BOMB).split(b"PK\x01\x02")[0],
        "fill a disk",
    ),
    "a name, and no list": (
        raw(Raw(b"a", b"a"), Raw(b"../b", b"b")).split(b"PK\x01\x02")[0],
        "outside of its folder",
    ),
    "a bomb with a volume number": (
        raw(BOMB).replace(b"PK\x05\x06\x00\x00", b"PK\x05\x06\x01\x00"),
        "fill a disk",
    ),
}


@pytest.mark.parametrize(("content", "words"), HARMFUL.values(), ids=HARMFUL.keys())
def test_harmful_archives_are_refused(content: bytes, words: str) -> None:
    verdict = look(content)

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
def test_bomb_is_refused_by_its_name_its_type_or_its_end(
    filename: str, content_type: str, prefix: bytes
) -> None:
    assert not look(raw(BOMB, prefix=prefix), filename, content_type).accepted


def test_local_extra_field_that_moves_data_into_the_next_entry_is_refused() -> None:
    verdict = look(archives.scattered(3000, extra=0xFFF0))

    assert "share the same bytes" in verdict.reason


DAMAGED = {
    "truncated": packed(("a", NOISE))[:100_000],
    "its end cut off": packed(("a", NOISE))[:-10],
    "a list that is elsewhere": archives.lying(
        packed(("a", b"a")), about="start", value=10**6
    ),
    "a list that is longer": archives.lying(
        packed(("a", b"a")), about="size", value=10**6
    ),
    "a list of something else": packed(("a", b"a")).replace(
        b"PK\x01\x02", b"PK\x01\x03"
    ),
    "a list that breaks off": packed(("a", b"a"), ("b", b"b"))
    .replace(b"PK\x01\x02", b"PK\x01\x03", 2)
    .replace(b"PK\x01\x03", b"PK\x01\x02", 1),
    "no local header": packed(("a", b"a"), ("b", b"b"))
    .replace(b"PK\x03\x04", b"PK\x03\x05", 2)
    .replace(b"PK\x03\x05", b"PK\x03\x04", 1),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
def test_damaged_archives_are_accepted_with_a_note(content: bytes) -> None:
    verdict = look(content)

    assert verdict.accepted, verdict.reason
    assert "damaged" in verdict.reason


def test_a_volume_of_several_is_accepted() -> None:
    content = packed(("a", b"a")).replace(b"PK\x05\x06\x00\x00", b"PK\x05\x06\x02\x00")

    assert look(content).accepted


def test_60_000_entries_are_accepted() -> None:
    verdict = look(raw(*(Raw(b"%d" % number) for number in range(60_000))))

    assert (verdict.accepted, verdict.reason) == (True, "")


def test_a_list_that_is_too_long_ends_the_inspection_with_a_note() -> None:
    content = archives.with_entries("x" * 200 + str(n) for n in range(100))

    with pytest.raises(OverBudget, match="list of contents"):
        look(content, max_list_bytes=10_000)


def test_local_headers_that_do_not_fit_the_budget_end_it_with_a_note() -> None:
    content = archives.scattered(3000)
    sample = sample_of(content, "application/zip", "a.zip")
    budget = Budget(byte_count=2 * 1024**2)

    def read(start: int, length: int) -> bytes:
        budget.spend(length)
        return content[start : start + length]

    with (
        mock.patch("uploads.inspection.archives.BLOCK", 128 * 1024),
        budget.running(),
        pytest.raises(OverBudget, match="Local names were not checked"),
    ):
        ArchiveInspector().inspect(replace(sample, read=read, budget=budget))


@pytest.mark.parametrize("entries", [800, 50_000])
def test_each_block_of_a_scattered_archive_is_read_once(entries: int) -> None:
    content = archives.scattered(entries)
    asked: list[tuple[int, int]] = []

    def read(start: int, length: int) -> bytes:
        asked.append((start, length))
        return content[start : start + length]

    for budget in (Budget(is_inline=True), Budget()):
        asked.clear()
        sample = sample_of(
            content, "application/zip", "a.zip", read=read, budget=budget
        )
        assert ArchiveInspector().inspect(sample).accepted
        assert len(asked) < 20
        assert sum(length for _, length in asked) < 2 * len(content)


def test_5000_stored_photos_are_accepted_after_one_pass() -> None:
    photo = b"\xff\xd8\xff\xe0" + NOISE[:5000]
    content = packed(*((f"{n}.jpg", photo) for n in range(5000)), compression=STORED)
    asked: list[int] = []

    def read(start: int, length: int) -> bytes:
        asked.append(length)
        return content[start : start + length]

    sample = sample_of(content, "application/zip", "a.zip", read=read)
    assert ArchiveInspector().inspect(sample) == Verdict(True)
    assert sum(asked) < 1.5 * len(content)


def test_1500_stored_documents_are_accepted() -> None:
    document = archives.document(b"<w:t>x</w:t>")
    content = packed(
        *((f"{n}.docx", document) for n in range(1500)), compression=STORED
    )

    assert look(content).accepted


@pytest.mark.parametrize("count", [50, 400])
def test_end_records_without_number_do_not_multiply_the_work(count: int) -> None:
    # Each record in the comment claims another list, and all of them share bytes.
    archive = raw(*(Raw(b"%05d" % n, b"x") for n in range(2000)))
    listed = 46 + 5
    comment = b""
    for n in range(count):
        size = len(archive) - 22 - archive.find(b"PK\x01\x02") - n * listed
        comment += archives.END.pack(
            b"PK\x05\x06", 0, 0, 1, 1, size + 22 * (n + 1), 0, 0
        )
    content = archive[:-2] + len(comment).to_bytes(2, "little") + comment

    started = time.monotonic()
    look(content)

    assert time.monotonic() - started < 1


def test_what_does_not_say_that_it_is_an_archive_may_be_a_broken_one() -> None:
    content = packed(("a", NOISE))[:1000]

    assert look(content, "a.bin", "application/octet-stream").accepted
    assert look(b"no archive at all" * 99, "a.docx", "text/plain") == Verdict(True)


def test_bad_name_in_a_compressed_inner_archive_is_accepted() -> None:
    # Wheels and sources hold such archives for tests; unpacking them harms nobody.
    content = packed(("tests/evil.zip", packed(("../x", b"x"))), ("a.py", b"a"))

    assert look(content).accepted


def test_no_more_than_a_few_blocks_are_in_memory() -> None:
    names = ["x" * 200 + str(n) for n in range(5_000)]
    content = archives.with_entries(names)
    sample = sample_of(content, "application/zip", "a.zip")

    tracemalloc.start()
    assert ArchiveInspector().inspect(sample).accepted
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 8 * 1024**2


# gzip


def test_a_gzip_bomb_is_refused() -> None:
    content = gzip.compress(bytes(150_000_000), compresslevel=1)

    verdict = look(content, "a.gz", "application/gzip")

    assert "100 MB or more" in verdict.reason


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(bytes(150_000_000), compresslevel=1) + bytes(4),
        gzip.compress(bytes(150_000_000), compresslevel=1)[:-4] + b"\x01\0\0\0",
        gzip.compress(bytes(150_000_000), compresslevel=1) + gzip.compress(b"x"),
        gzip.compress(b"x") + gzip.compress(bytes(150_000_000), compresslevel=1),
        gzip.compress(bytes(60_000_000), compresslevel=1) * 3,
        gzip.compress(bytes(150_000_000), compresslevel=1)[:-9],
        gzip.compress(b"x") + bytes(99) + gzip.compress(bytes(150_000_000)),
    ],
    ids=[
        "zeros behind it",
        "a false size",
        "a small member behind it",
        "behind a small member",
        "in three members",
        "cut off",
        "behind zeros",
    ],
)
def test_gzip_bomb_is_refused_whatever_its_last_bytes_say(content: bytes) -> None:
    assert not look(content, "a.gz", "application/gzip").accepted


def test_truncated_gzip_file_is_not_judged_by_its_last_bytes() -> None:
    # They are data, and read as a size they say 4 GB.
    content = gzip.compress(random.Random(2).randbytes(5_000_000))[:-100] + b"\xff" * 4

    assert look(content, "a.gz", "application/gzip").accepted


def test_gzip_of_many_small_members_takes_time_in_proportion() -> None:
    member = gzip.compress(b"")

    def seconds(count: int) -> float:
        content = member * count
        sample = sample_of(content, "application/gzip", "a.gz")
        started = time.process_time()
        unpacked_bytes(sample, enough=1)
        return time.process_time() - started

    few, many = (min(seconds(count) for _ in range(3)) for count in (5_000, 40_000))
    assert many < 16 * few


def test_small_gzip_bomb_is_refused_inside_the_request() -> None:
    content = gzip.compress(bytes(120_000_000), compresslevel=9)
    sample = sample_of(content, "", "a.gz", budget=Budget(is_inline=True))

    assert not ArchiveInspector().inspect(sample).accepted


def test_long_gzip_file_is_left_to_the_background() -> None:
    content = random.Random(3).randbytes(9 * 1024**2)
    sample = sample_of(
        gzip.compress(content, 1), "", "a.gz", budget=Budget(is_inline=True)
    )

    with pytest.raises(OverBudget, match="not unpacked to its end"):
        ArchiveInspector().inspect(sample)


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
