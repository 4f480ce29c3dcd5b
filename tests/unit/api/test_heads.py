"""The first bytes in a start request let the site refuse a file before the upload."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.support import heads
from tests.support.api_calls import HELLO, Call, assert_problem
from uploads.lifecycle.quota import usage as usage_of
from uploads.models import Upload, UploadPolicy

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"byte_size": 2**53 - 1, "transport": "multipart"}, 413, "file_too_large"),
        ({"byte_size": 21 * 1024**3}, 403, "quota_exceeded"),
        ({"byte_size": 6 * 1024**3, "transport": "put"}, 413, "file_too_large"),
    ],
    ids=str,
)
def test_file_forbidden_by_the_policy_gets_its_own_code(
    call: Call, changes: dict[str, Any], status: int, code: str
) -> None:
    assert_problem(call("POST", "/uploads", HELLO | changes), status, code)


def with_head(content: bytes, **changes: Any) -> dict[str, Any]:
    return HELLO | {"head": base64.b64encode(content).decode()} | changes


def test_disguised_program_is_refused_before_space_is_reserved(
    call: Call, alice: Any
) -> None:
    body = with_head(heads.PE, filename="film.mp4", content_type="video/mp4")

    problem = assert_problem(call("POST", "/uploads", body), 422, "invalid_request")

    assert "Windows program" in problem["detail"]
    assert problem["errors"]["head"] == [problem["detail"]]
    assert not Upload.objects.exists()
    assert usage_of(alice).reserved_bytes == 0


def test_film_named_as_a_picture_is_refused_by_a_policy_for_pictures(
    call: Call, alice: Any
) -> None:
    UploadPolicy.objects.create(user=alice, allowed_content_types=["image/*"])
    film = with_head(
        heads.MP4, filename="a.jpg", content_type="image/jpeg", byte_size=4 * 1024**3
    ) | {"transport": "multipart"}

    problem = assert_problem(
        call("POST", "/uploads", film), 415, "content_type_not_allowed"
    )

    assert problem["detail"] == (
        "Files of type video/mp4 may not be uploaded here. Allowed: image/*."
    )
    results = call("POST", "/uploads/batch", {"uploads": [film]}).json()["results"]
    assert [result["status"] for result in results] == [415]
    assert not Upload.objects.exists()


@pytest.mark.parametrize("content", [heads.WORDS, bytes(range(128, 256)) * 4])
def test_first_bytes_of_a_forbidden_type_are_refused(
    call: Call, alice: Any, content: bytes
) -> None:
    UploadPolicy.objects.create(user=alice, allowed_content_types=["image/*"])
    body = with_head(content, filename="a.jpg", content_type="image/jpeg")

    assert_problem(call("POST", "/uploads", body), 415, "content_type_not_allowed")


def test_detected_type_takes_precedence_over_the_declared_type(
    call: Call, alice: Any
) -> None:
    UploadPolicy.objects.create(user=alice, allowed_content_types=["image/*"])
    body = with_head(heads.HEIC, filename="IMG_1", content_type="application/x-wrong")

    assert call("POST", "/uploads", body).status_code == 201


def test_policy_that_permits_all_types_accepts_any_first_bytes(call: Call) -> None:
    for content in (heads.WORDS, heads.MP4, b""):
        body = with_head(content, content_type="image/png")
        assert call("POST", "/uploads", body).status_code == 201


@pytest.mark.parametrize(
    "head", ["a", "====", "a" * 5468, "aGVsbG8=\n", "-_-_", 5, ["aGVsbG8="]]
)
def test_malformed_first_bytes_are_refused(call: Call, head: object) -> None:
    problem = assert_problem(
        call("POST", "/uploads", HELLO | {"head": head}), 422, "invalid_request"
    )

    assert "head" in problem["errors"]


@pytest.mark.parametrize(
    "content_type",
    ["text/html", "image/svg+xml", "text/javascript", "application/a+xml"],
)
def test_runnable_types_are_recorded_and_stored_as_octet_stream(
    call: Call, content_type: str
) -> None:
    body = call("POST", "/uploads", HELLO | {"content_type": content_type}).json()

    assert body["content_type"] == content_type
    assert body["request"]["headers"]["Content-Type"] == "application/octet-stream"
