"""Test gzip bombs, damaged gzip files, and the cost of their inspection."""

from __future__ import annotations

import gzip
import random
import time

import pytest

from tests.support.inspectors import sample_of
from tests.support.zip_files import NOISE, inspect_archive
from uploads.inspection.archives import ArchiveInspector
from uploads.inspection.budget import Budget, OverBudget
from uploads.inspection.gzip_files import unpacked_bytes


def test_gzip_bomb_is_refused() -> None:
    content = gzip.compress(bytes(150_000_000), compresslevel=1)

    verdict = inspect_archive(content, "a.gz", "application/gzip")

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
        "followed by zeros",
        "false size at the end",
        "followed by a small member",
        "after a small member",
        "three members",
        "truncated",
        "after zeros",
    ],
)
def test_gzip_bomb_with_a_false_size_at_its_end_is_refused(content: bytes) -> None:
    assert not inspect_archive(content, "a.gz", "application/gzip").accepted


def test_last_bytes_of_a_truncated_gzip_file_are_not_read_as_its_size() -> None:
    # The last four bytes of this file are data. As a size, they would mean 4 GB.
    content = gzip.compress(random.Random(2).randbytes(5_000_000))[:-100] + b"\xff" * 4

    assert inspect_archive(content, "a.gz", "application/gzip").accepted


def test_cost_of_many_gzip_members_grows_linearly() -> None:
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
def test_ordinary_gzip_files_are_accepted(content: bytes) -> None:
    assert inspect_archive(content, "a.gz", "application/gzip").accepted
