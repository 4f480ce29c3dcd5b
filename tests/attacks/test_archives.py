"""Archives that attack unpacking programs, or the site during the inspection."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.attacks.people import Person
from tests.bucket.stores import send_raw
from tests.support.archives import (
    ATARI,
    Raw,
    end_record,
    link,
    packed,
    raw,
    scattered,
)
from uploads.s3.bucket import Bucket
from uploads.states import State
from uploads.upkeep.sweeper import sweep

ZIP = "application/zip"
BYTES = "application/octet-stream"
MAX_READS = 200
BOMB = Raw(b"bomb.bin", bytes(150_000_000), method=8)
FALSE_END = end_record(0, b"", b"")[:-2] + b"\xff\xff"

ATTACKS = {
    "a link, host Unix": (raw(link(b"link", b"/etc/passwd")), ZIP),
    "a link, host Atari": (raw(link(b"link", b"/etc/passwd", system=ATARI)), ZIP),
    "a bomb": (raw(BOMB), ZIP),
    "a bomb with a second end in its comment": (raw(BOMB, comment=FALSE_END), ZIP),
    "a bomb after one byte": (
        raw(BOMB, prefix=b"\n", comment=b"PK\x05\x06"),
        BYTES,
    ),
    "a drive": (raw(Raw(b"C:evil.txt", b"x")), ZIP),
    "entries whose data overlap": (scattered(3000, extra=0xFFF0), ZIP),
    "20 stored bombs": (
        packed(
            *(
                (f"{n}.zip", raw(Raw(b"z", bytes(99_000_000), method=8)))
                for n in range(20)
            ),
            compression=0,
        ),
        ZIP,
    ),
}


@contextmanager
def counted_reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Count the bytes of each ranged GET that the site makes."""
    lengths: list[int] = []
    read = Bucket.read_range

    def counted(self: Bucket, key: str, start: int, length: int, **etag: Any) -> bytes:
        lengths.append(length)
        return read(self, key, start, length, **etag)

    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "read_range", counted)
        yield lengths


def test_hostile_archive_is_rejected_after_few_reads(
    alice: Person, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    for name, (content, content_type) in ATTACKS.items():
        with subtests.test(name=name), counted_reads(monkeypatch) as reads:
            started = alice.upload(content, filename="a.zip", content_type=content_type)
            sweep()
            assert started.row.state == State.REJECTED
            assert len(reads) <= MAX_READS


def test_bytes_read_grow_linearly_with_the_size_of_a_scattered_archive(
    alice: Person, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    for entries in (800, 20_000):
        content = scattered(entries)
        with subtests.test(entries=entries), counted_reads(monkeypatch) as reads:
            started = alice.upload(content, filename="docs.zip", content_type=ZIP)
            for _ in range(8):
                alice.call("POST", f"/uploads/{started.id}/complete")
            sweep()
            assert started.row.state == State.READY
            assert len(reads) <= 40
            assert sum(reads) <= 2 * len(content) + 4 * 1024**2


def test_batch_of_archives_shares_the_budget_of_one_request(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = scattered(800)
    uploads = []
    for _ in range(30):
        started = alice.start(content, filename="docs.zip", content_type=ZIP)
        assert send_raw(started.raw_request(content)).status == 200
        uploads.append(started)

    with counted_reads(monkeypatch) as reads:
        body = {"ids": [started.id for started in uploads]}
        answer = alice.call("POST", "/uploads/complete-batch", body)

    states = [
        result["upload"]["state"] for result in json.loads(answer.content)["results"]
    ]
    assert set(states) == {State.READY, State.INSPECTING}
    assert len(reads) <= MAX_READS
    assert sum(reads) <= 80 * 1024**2
    sweep()
    assert {started.row.state for started in uploads} == {State.READY}
