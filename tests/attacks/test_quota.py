"""Space for nothing: loops and tricks against what an account may store.

Races for the last bytes are run on PostgreSQL, in tests/races.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.attacks.people import HELLO, MIB, Person, assert_problem, declaration
from tests.bucket.stores import send_raw, sha256
from uploads.models import StorageQuota, Upload
from uploads.states import State

if TYPE_CHECKING:
    from pytest_django import Settings


@pytest.fixture(autouse=True)
def _small_quota(settings: Settings, _books: None) -> None:
    settings.UPLOADS = {
        **settings.UPLOADS,
        "DEFAULT_QUOTA_BYTES": 20,
        "DEFAULT_MAX_FILES": 5,
    }


def reserved(person: Person) -> tuple[int, int]:
    row = StorageQuota.objects.get(user=person.user)
    return row.reserved_bytes, row.used_bytes


def test_a_loop_of_starts_and_cancels_ends_where_it_began(alice: Person) -> None:
    # A release that counts twice is free space, one loop at a time.
    for _ in range(10):
        started = alice.start(byte_size=20)
        for _ in range(2):
            alice.call("DELETE", f"/uploads/{started.id}")

    assert reserved(alice) == (0, 0)
    assert_problem(
        alice.call("POST", "/uploads", declaration(b"", byte_size=21)),
        403,
        "quota_exceeded",
    )


def test_a_loop_of_uploads_and_deletes_ends_where_it_began(alice: Person) -> None:
    # As above, with use instead of promises.
    for _ in range(6):
        started = alice.upload()
        for _ in range(2):
            alice.call("DELETE", f"/uploads/{started.id}")

    assert reserved(alice) == (0, 0)


def test_a_rejected_file_gives_back_once(alice: Person) -> None:
    # Rejected, then removed from the list: two ends, one release.
    started = alice.upload(b"MZ\x90\x00" + bytes(10))
    assert started.row.state == State.REJECTED
    for _ in range(3):
        alice.call("DELETE", f"/uploads/{started.id}")
        alice.call("POST", f"/uploads/{started.id}/complete")

    assert reserved(alice) == (0, 0)


@pytest.mark.parametrize("transport", ["put", "post", "multipart"])
def test_empty_and_tiny_files_count_as_files(alice: Person, transport: str) -> None:
    # Files of no bytes cost rows, keys and requests all the same.
    size = 1 if transport == "multipart" else 0
    body = declaration(b"", byte_size=size, transport=transport)
    for _ in range(5):
        assert alice.call("POST", "/uploads", body).status_code == 201

    assert_problem(alice.call("POST", "/uploads", body), 403, "quota_exceeded")


def test_a_batch_cannot_pass_what_one_by_one_cannot(alice: Person) -> None:
    # A check before the batch, instead of one for each item, is worth a batch.
    body = {"uploads": [declaration(HELLO) for _ in range(10)]}

    results = alice.call("POST", "/uploads/batch", body).json()["results"]

    assert [item["status"] for item in results] == [201] * 4 + [403] * 6
    assert reserved(alice) == (20, 0)


def test_a_refused_start_leaves_nothing_behind(alice: Person) -> None:
    # Half a start would be a row without a reservation: free space again.
    body = declaration(HELLO, byte_size=21)

    for _ in range(3):
        assert_problem(
            alice.call("POST", "/uploads", body, **{"Idempotency-Key": "k"}),
            403,
            "quota_exceeded",
        )

    assert not Upload.objects.exists()


def test_a_rename_moves_no_byte(alice: Person) -> None:
    # Whatever changes a row must leave the counters alone.
    started = alice.upload()
    for number in range(5):
        alice.call("PATCH", f"/uploads/{started.id}", {"filename": f"{number}.txt"})

    assert reserved(alice) == (0, 5)


def test_parts_cannot_grow_an_upload(alice: Person) -> None:
    # What is reserved is what is signed, part by part.
    started = alice.start_parts(5)
    wire = alice.part(started, 1, HELLO)

    assert "X-Amz-SignedHeaders=content-length" in wire.url
    assert send_raw(wire.with_body(bytes(20))).status == 403
    parts = {"parts": [{"part_number": 2, "checksum_sha256": sha256(HELLO)}]}
    assert_problem(
        alice.call("POST", f"/uploads/{started.id}/parts", parts),
        422,
        "invalid_request",
    )


def test_space_behind_a_cancel_is_not_served_and_not_kept(alice: Person) -> None:
    # Cancel, then send after all: the bytes are nobody's, and the sweeper's.
    hidden = []
    for _ in range(3):
        started = alice.start(bytes(20), content_type="application/octet-stream")
        alice.call("DELETE", f"/uploads/{started.id}")
        assert send_raw(started.wire(bytes(20))).status == 200
        hidden.append(started)

    for started in hidden:
        assert_problem(
            alice.call("GET", f"/uploads/{started.id}/download"), 409, "invalid_state"
        )
    assert reserved(alice) == (0, 0)  # and the sweep after this test finds them


@pytest.mark.parametrize("byte_size", [2**53 - 1, 10_000 * 5 * 1024**3 + 1, 21, MIB])
def test_no_size_overflows_the_counters(alice: Person, byte_size: int) -> None:
    # Sums beyond 64 bits would wrap into free space.
    body = declaration(b"", byte_size=byte_size, transport="multipart")

    answer = alice.call("POST", "/uploads", body)

    assert answer.status_code in {403, 413}
    assert answer.json()["code"] in {"quota_exceeded", "file_too_large"}
    assert not Upload.objects.exists()
