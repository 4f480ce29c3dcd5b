"""Attempts to store more than the quota permits.

Races for the last free bytes are in tests/races, because they need PostgreSQL.
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
def _small_quota(settings: Settings, _audit_after_test: None) -> None:
    settings.UPLOADS = {
        **settings.UPLOADS,
        "DEFAULT_QUOTA_BYTES": 20,
        "DEFAULT_MAX_FILES": 5,
    }


def reserved(person: Person) -> tuple[int, int]:
    row = StorageQuota.objects.get(user=person.user)
    return row.reserved_bytes, row.used_bytes


def test_repeated_starts_and_cancels_do_not_change_the_quota(alice: Person) -> None:
    # If a cancel released its bytes twice, each repetition would increase the free
    # space.
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


def test_repeated_uploads_and_deletes_do_not_change_the_quota(alice: Person) -> None:
    # A delete must release used bytes only once, as a cancel releases reserved bytes.
    for _ in range(6):
        started = alice.upload()
        for _ in range(2):
            alice.call("DELETE", f"/uploads/{started.id}")

    assert reserved(alice) == (0, 0)


def test_rejected_file_releases_its_quota_once(alice: Person) -> None:
    # The rejection releases the quota. Removing the row from the list must not release
    # it again.
    started = alice.upload(b"MZ\x90\x00" + bytes(10))
    assert started.row.state == State.REJECTED
    for _ in range(3):
        alice.call("DELETE", f"/uploads/{started.id}")
        alice.call("POST", f"/uploads/{started.id}/complete")

    assert reserved(alice) == (0, 0)


@pytest.mark.parametrize("transport", ["put", "post", "multipart"])
def test_empty_and_tiny_files_count_in_the_file_quota(
    alice: Person, transport: str
) -> None:
    # Empty files also need rows, keys and requests.
    size = 1 if transport == "multipart" else 0
    body = declaration(b"", byte_size=size, transport=transport)
    for _ in range(5):
        assert alice.call("POST", "/uploads", body).status_code == 201

    assert_problem(alice.call("POST", "/uploads", body), 403, "quota_exceeded")


def test_batch_cannot_exceed_the_quota(alice: Person) -> None:
    # If the site checked the quota once for a batch, a batch could exceed the quota.
    body = {"uploads": [declaration(HELLO) for _ in range(10)]}

    results = alice.call("POST", "/uploads/batch", body).json()["results"]

    assert [item["status"] for item in results] == [201] * 4 + [403] * 6
    assert reserved(alice) == (20, 0)


def test_refused_start_leaves_no_row_and_no_reservation(alice: Person) -> None:
    # A row without a reservation would permit an upload without quota.
    body = declaration(HELLO, byte_size=21)

    for _ in range(3):
        assert_problem(
            alice.call("POST", "/uploads", body, **{"Idempotency-Key": "k"}),
            403,
            "quota_exceeded",
        )

    assert not Upload.objects.exists()


def test_rename_does_not_change_the_quota(alice: Person) -> None:
    # Only a change of the upload's state may change the counters.
    started = alice.upload()
    for number in range(5):
        alice.call("PATCH", f"/uploads/{started.id}", {"filename": f"{number}.txt"})

    assert reserved(alice) == (0, 5)


def test_parts_cannot_exceed_the_reserved_size(alice: Person) -> None:
    # The signed sizes of the parts add up to the reserved size.
    started = alice.start_parts(5)
    raw_request = alice.part(started, 1, HELLO)

    assert "X-Amz-SignedHeaders=content-length" in raw_request.url
    assert send_raw(raw_request.with_body(bytes(20))).status == 403
    parts = {"parts": [{"part_number": 2, "checksum_sha256": sha256(HELLO)}]}
    assert_problem(
        alice.call("POST", f"/uploads/{started.id}/parts", parts),
        422,
        "invalid_request",
    )


def test_bytes_sent_after_a_cancel_are_deleted_and_never_served(alice: Person) -> None:
    # No quota counts bytes that arrive after a cancel. The sweeper deletes them.
    hidden = []
    for _ in range(3):
        started = alice.start(bytes(20), content_type="application/octet-stream")
        alice.call("DELETE", f"/uploads/{started.id}")
        assert send_raw(started.raw_request(bytes(20))).status == 200
        hidden.append(started)

    for started in hidden:
        assert_problem(
            alice.call("GET", f"/uploads/{started.id}/download"), 409, "invalid_state"
        )
    assert reserved(alice) == (0, 0)  # the sweep after this test deletes the bytes


@pytest.mark.parametrize("byte_size", [2**53 - 1, 10_000 * 5 * 1024**3 + 1, 21, MIB])
def test_huge_sizes_cannot_overflow_the_counters(alice: Person, byte_size: int) -> None:
    # A sum above 64 bits could become negative and give free space.
    body = declaration(b"", byte_size=byte_size, transport="multipart")

    answer = alice.call("POST", "/uploads", body)

    assert answer.status_code in {403, 413}
    assert answer.json()["code"] in {"quota_exceeded", "file_too_large"}
    assert not Upload.objects.exists()
