"""Test the cost of the inspection of large ZIP archives."""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import replace
from unittest import mock

import pytest

from tests.support import archives
from tests.support.archives import Raw, packed, raw
from tests.support.inspectors import sample_of
from tests.support.zip_files import NOISE, STORED, inspect_archive
from uploads.inspection.archives import ArchiveInspector
from uploads.inspection.budget import Budget, OverBudget
from uploads.inspection.verdicts import Verdict


def test_60_000_entries_are_accepted() -> None:
    verdict = inspect_archive(raw(*(Raw(b"%d" % number) for number in range(60_000))))

    assert (verdict.accepted, verdict.reason) == (True, "")


def test_inspection_ends_over_budget_if_the_directory_is_too_long() -> None:
    content = archives.with_entries("x" * 200 + str(n) for n in range(100))

    with pytest.raises(OverBudget, match="list of contents"):
        inspect_archive(content, max_list_bytes=10_000)


def test_inspection_ends_over_budget_if_the_local_headers_are_too_long() -> None:
    content = archives.scattered(3000)
    sample = sample_of(content, "application/zip", "a.zip")
    budget = Budget(byte_count=2 * 1024**2)

    def read(start: int, length: int) -> bytes:
        budget.spend(length)
        return content[start : start + length]

    with (
        mock.patch("uploads.inspection.archives.BLOCK", 128 * 1024),
        budget.running(),
        pytest.raises(OverBudget, match="Not all files in the archive were checked"),
    ):
        ArchiveInspector().inspect(replace(sample, read=read, budget=budget))


@pytest.mark.parametrize("entries", [800, 50_000])
def test_each_block_of_a_scattered_archive_is_read_once(entries: int) -> None:
    content = archives.scattered(entries)
    reads: list[tuple[int, int]] = []

    def read(start: int, length: int) -> bytes:
        reads.append((start, length))
        return content[start : start + length]

    for budget in (Budget(is_inline=True), Budget()):
        reads.clear()
        sample = sample_of(
            content, "application/zip", "a.zip", read=read, budget=budget
        )
        assert ArchiveInspector().inspect(sample).accepted
        assert len(reads) < 20
        assert sum(length for _, length in reads) < 2 * len(content)


def test_5000_stored_photos_are_accepted_after_one_pass() -> None:
    photo = b"\xff\xd8\xff\xe0" + NOISE[:5000]
    content = packed(*((f"{n}.jpg", photo) for n in range(5000)), compression=STORED)
    reads: list[int] = []

    def read(start: int, length: int) -> bytes:
        reads.append(length)
        return content[start : start + length]

    sample = sample_of(content, "application/zip", "a.zip", read=read)
    assert ArchiveInspector().inspect(sample) == Verdict(True)
    assert sum(reads) < 1.5 * len(content)


def test_1500_stored_documents_are_accepted() -> None:
    document = archives.document(b"<w:t>x</w:t>")
    content = packed(
        *((f"{n}.docx", document) for n in range(1500)), compression=STORED
    )

    assert inspect_archive(content).accepted


@pytest.mark.parametrize("count", [50, 400])
def test_archive_with_many_end_records_is_inspected_within_a_second(count: int) -> None:
    # Each end record in the comment refers to another directory. The directories
    # overlap.
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
    inspect_archive(content)

    assert time.monotonic() - started < 1


def test_file_that_is_no_valid_archive_is_accepted() -> None:
    content = packed(("a", NOISE))[:1000]

    assert inspect_archive(content, "a.bin", "application/octet-stream").accepted
    assert inspect_archive(
        b"no archive at all" * 99, "a.docx", "text/plain"
    ) == Verdict(True)


def test_compressed_inner_archive_may_contain_a_name_that_leaves_the_folder() -> None:
    # Python wheels and source archives contain such archives for tests. Unpacking the
    # outer archive is harmless.
    content = packed(("tests/evil.zip", packed(("../x", b"x"))), ("a.py", b"a"))

    assert inspect_archive(content).accepted


def test_only_a_few_blocks_are_kept_in_memory() -> None:
    names = ["x" * 200 + str(n) for n in range(5_000)]
    content = archives.with_entries(names)
    sample = sample_of(content, "application/zip", "a.zip")

    tracemalloc.start()
    assert ArchiveInspector().inspect(sample).accepted
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 8 * 1024**2
