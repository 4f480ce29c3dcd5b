"""Request bodies and batches that are ambiguous or unexpectedly expensive."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.test import Client

from tests.attacks.people import HELLO, MIB, Person, assert_problem, declaration
from tests.bucket.stores import send_raw
from uploads.models import Upload

GOOD = json.dumps(declaration(HELLO))

BODIES: dict[str, bytes] = {
    "duplicate names": GOOD.replace("{", '{"byte_size": 1, ', 1).encode(),
    "duplicate names by escape": GOOD.replace(
        "{", '{"byte\\u005fsize": 1, ', 1
    ).encode(),
    "byte order mark": b"\xef\xbb\xbf" + GOOD.encode(),
    "UTF-16": GOOD.encode("utf-16"),
    "UTF-32": GOOD.encode("utf-32"),
    "overlong UTF-8": GOOD.encode().replace(b"hello.txt", b"\xc0\xae\xc0\xae"),
    "surrogate in a name": GOOD.replace("hello.txt", "x\\ud800y").encode(),
    "comment": b"/* */" + GOOD.encode(),
    "trailing comma": GOOD.replace("}", ",}").encode(),
    "two documents": (GOOD + GOOD).encode(),
    "NaN": GOOD.replace(": 5", ": NaN").encode(),
    "infinity": GOOD.replace(": 5", ": 1e999").encode(),
    "a million digits": GOOD.replace(": 5", ": " + "9" * 900_000).encode(),
    "deep lists": b"[" * 500_000,
    "deep objects": b'{"a":' * 100_000,
    "a list": f"[{GOOD}]".encode(),
    "a text": json.dumps(GOOD).encode(),
    "null": b"null",
    "nothing": b"",
    "NUL": b"\x00",
    "prototype": GOOD.replace("{", '{"__proto__": {"state": "ready"}, ', 1).encode(),
}


def test_ambiguous_body_is_refused(alice: Person, subtests: pytest.Subtests) -> None:
    # If a proxy and the site interpret a body differently, an attacker can bypass one
    # of them.
    for name, body in BODIES.items():
        with subtests.test(name=name):
            answer = alice.browser.post("/api/v1/uploads", body, "application/json")
            assert_problem(answer, 422, "invalid_request")
            assert not Upload.objects.exists()


@pytest.mark.parametrize("place", ["start", "batch", "rename", "parts"])
def test_unknown_fields_are_refused(
    alice: Person, place: str, subtests: pytest.Subtests
) -> None:
    # Mass assignment: a client could set fields that only the server may set.
    for name, value in (
        ("id", "6d1f0a52-0c41-4a86-9d3f-0d6a2d1f5d11"),
        ("key", "uploads/mine"),
        ("bucket", "other"),
        ("endpoint", "https://evil.example"),
        ("acl", "public-read"),
        ("owner", 1),
        ("owner_id", 1),
        ("state", "ready"),
        ("identified", True),
        ("detected_type", "image/png"),
        ("etag", "x"),
        ("completed_at", "2026-01-01T00:00:00Z"),
        ("expires_at", "2099-01-01T00:00:00Z"),
        ("expires_in", 604800),
        ("part_count", 1),
        ("idempotency_key", "x"),
        ("metadata", {"x-amz-meta-a": "b"}),
        ("headers", {"x-amz-acl": "public-read"}),
    ):
        path, body = "/uploads", {**declaration(HELLO), name: value}
        if place == "batch":
            if name == "idempotency_key":
                continue  # each item of a batch may have its own key
            path, body = "/uploads/batch", {"uploads": [body]}
        if place == "rename":
            path, body = f"/uploads/{uuid.uuid4()}", {"filename": "a", name: value}
        if place == "parts":
            path, body = f"/uploads/{uuid.uuid4()}/parts", {"parts": [], name: value}
        with subtests.test(name=name):
            answer = alice.call("PATCH" if place == "rename" else "POST", path, body)
            assert_problem(answer, 422, "invalid_request")
            assert not Upload.objects.exists()


def test_invalid_size_is_refused(alice: Person, subtests: pytest.Subtests) -> None:
    # A negative size would release quota, and a rounded size would reserve too little.
    for byte_size in (
        -1,
        -0.5,
        5.5,
        True,
        False,
        "5",
        None,
        [5],
        {"$gt": 0},
        2**53,
        2**63,
        -(2**63),
        1e308,
    ):
        with subtests.test(byte_size=byte_size):
            body = declaration(HELLO, byte_size=byte_size)
            assert_problem(alice.call("POST", "/uploads", body), 422, "invalid_request")
            assert alice.call("GET", "/me").json()["quota"]["reserved_bytes"] == 0


def test_malformed_checksum_is_refused(
    alice: Person, subtests: pytest.Subtests
) -> None:
    # The site signs the checksum as the value of a header, without changing it.
    for checksum in (
        "",
        "x",
        "a" * 64,
        "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
        "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ",
        "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCR=",
        "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=\n",
        "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=\r\nx-amz-acl: public-read",
        5,
    ):
        with subtests.test(checksum=checksum):
            body = declaration(HELLO, checksum_sha256=checksum)
            assert_problem(alice.call("POST", "/uploads", body), 422, "invalid_request")


def test_batch_with_one_idempotency_key_starts_one_upload_for_each_item(
    alice: Person,
) -> None:
    # One key for a batch must not merge its items or start an item twice.
    body = {"uploads": [declaration(HELLO) for _ in range(100)]}
    key = {"Idempotency-Key": "all-of-them"}

    first = alice.call("POST", "/uploads/batch", body, **key).json()["results"]
    again = alice.call("POST", "/uploads/batch", body, **key).json()["results"]

    ids = [item["upload"]["id"] for item in first]
    assert len(set(ids)) == 100
    assert [item["upload"]["id"] for item in again] == ids
    assert alice.call("GET", "/me").json()["quota"]["reserved_bytes"] == 500


def test_repeated_idempotency_key_cannot_change_the_declaration(alice: Person) -> None:
    # A reservation of five bytes must not give a URL for 5 GB.
    key = {"Idempotency-Key": "mine"}
    alice.call("POST", "/uploads", declaration(HELLO), **key)

    for change in (
        {"byte_size": 6},
        {"content_type": "image/png"},
        {"checksum_sha256": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCA="},
    ):
        body = declaration(HELLO, **change)
        answer = alice.call("POST", "/uploads", body, **key)
        assert_problem(answer, 422, "invalid_request")
    assert Upload.objects.get().byte_size == 5


@pytest.mark.parametrize("path", ["batch", "complete-batch"])
@pytest.mark.parametrize("count", [0, 101, 5000])
def test_batch_over_the_limit_is_refused(alice: Person, path: str, count: int) -> None:
    # Each item causes requests to S3 and rows in the database.
    body = (
        {"uploads": [declaration(b"")] * count}
        if path == "batch"
        else {"ids": [str(uuid.uuid4())] * count}
    )

    answer = alice.call("POST", f"/uploads/{path}", body)

    assert answer.status_code in {413, 422}
    assert not Upload.objects.exists()


def test_batch_of_longest_names_is_accepted_or_refused_as_a_whole(
    alice: Person,
) -> None:
    # The site must accept or refuse the whole batch.
    item = declaration(HELLO, filename="n" * 1024, relative_path="p/" * 2048)

    fits = alice.call("POST", "/uploads/batch", {"uploads": [item] * 100})
    wide = declaration(HELLO, filename="文" * 1024, relative_path="文/" * 2048)
    answer = alice.call("POST", "/uploads/batch", {"uploads": [wide] * 100})

    assert fits.status_code == 200
    assert_problem(answer, 413, "request_too_large")
    assert Upload.objects.count() == 100


def test_repeated_id_in_a_batch_is_completed_once(alice: Person) -> None:
    # Otherwise each repetition of an id could change the quota.
    started = alice.start()
    assert send_raw(started.raw_request(HELLO)).status == 200

    answer = alice.call("POST", "/uploads/complete-batch", {"ids": [started.id] * 100})

    states = {item["upload"]["state"] for item in answer.json()["results"]}
    assert states == {"ready"}
    quota = alice.call("GET", "/me").json()["quota"]
    assert (quota["used_bytes"], quota["file_count"], quota["reserved_bytes"]) == (
        5,
        1,
        0,
    )
    kinds = list(started.row.events.values_list("kind", flat=True))
    assert kinds.count("upload.ready") == 1


def test_repeated_part_number_in_a_request_is_refused(alice: Person) -> None:
    # Otherwise a client would get two URLs for different bytes of one part.
    started = alice.start_parts(5)
    part = {"part_number": 1, "checksum_sha256": declaration(HELLO)["checksum_sha256"]}

    answer = alice.call("POST", f"/uploads/{started.id}/parts", {"parts": [part, part]})

    assert_problem(answer, 422, "invalid_request")


def test_idempotency_key_with_forbidden_characters_is_refused(
    alice: Person, subtests: pytest.Subtests
) -> None:
    # The site writes the key to a unique index and to the log.
    for key in ("", "a b", "a" * 201, "a\x7f", "ключ", "a\tb"):
        with subtests.test(key=key):
            answer = alice.browser.post(
                "/api/v1/uploads",
                GOOD,
                "application/json",
                HTTP_IDEMPOTENCY_KEY=key.encode().decode("latin-1"),
            )
            assert_problem(answer, 422, "invalid_request")


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the temporary files that the server writes for forms during the test."""
    paths: list[str] = []

    class Noticed(TemporaryUploadedFile):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            paths.append(self.temporary_file_path())

    monkeypatch.setattr(
        "django.core.files.uploadhandler.TemporaryUploadedFile", Noticed
    )
    return paths


@pytest.mark.parametrize(
    "path", ["/accounts/login/", "/accounts/password_reset/", "/admin/login/"]
)
def test_form_without_login_cannot_fill_the_disk(path: str, written: list[str]) -> None:
    # Django reads a form, and writes its files to the disk, before it checks the CSRF
    # token.
    browser = Client(enforce_csrf_checks=True)
    browser.get(path)
    flood = SimpleUploadedFile("x.bin", b"x" * (4 * MIB))

    answer = browser.post(path, {"file": flood})

    assert answer.status_code == 413
    assert b"This request is too large" in answer.content
    assert written == []


def test_no_endpoint_accepts_the_bytes_of_a_file(
    alice: Person, written: list[str]
) -> None:
    # No byte of a file may pass through the site.
    flood = SimpleUploadedFile("x.bin", b"x" * (4 * MIB))

    answer = Person(alice.user, enforce_csrf_checks=True).browser.post(
        "/api/v1/uploads", {"file": flood}
    )

    received = assert_problem(answer, 413, "request_too_large")
    assert "1048576 bytes" in received["detail"]
    assert written == []


@pytest.mark.parametrize("length", ["x", "-1", "1e9", "٣", "9" * 30, " 5"])
def test_wrong_content_length_is_handled(stranger: Person, length: str) -> None:
    # A proxy may forward a wrong Content-Length, and the log line uses its value.
    answer = stranger.browser.generic("GET", "/healthz", CONTENT_LENGTH=length)

    assert answer.status_code in {200, 413}


@pytest.mark.parametrize(
    "address", ["fe80::1%eth0", "unix:", "", "::ffff:127.0.0.1", "x"]
)
def test_malformed_client_address_does_not_break_the_audit_trail(
    alice: Person, address: str
) -> None:
    # PostgreSQL stores only valid network addresses. If the site stored a malformed
    # address, PostgreSQL would refuse the event, and the start of the upload would
    # fail.
    answer = alice.browser.post(
        "/api/v1/uploads", GOOD, "application/json", REMOTE_ADDR=address
    )

    assert answer.status_code == 201
    kept = set(Upload.objects.get().events.values_list("address", flat=True))
    assert len(kept) == 1
    assert kept <= {None, "fe80::1", "::ffff:127.0.0.1", "127.0.0.1"}
