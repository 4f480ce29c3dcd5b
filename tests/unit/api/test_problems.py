"""The API answers refused requests with a problem document."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from django.test import Client

from tests.support.api_calls import CHECKSUM, HELLO, MIB, Call, assert_problem
from uploads import errors
from uploads.api.problems import STATUS
from uploads.models import Upload
from uploads.s3.bucket import Bucket

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "changes",
    [
        {"byte_size": -1},
        {"byte_size": True},
        {"byte_size": "5"},
        {"byte_size": 5.5},
        {"byte_size": None},
        {"byte_size": 2**53},
        {"filename": ""},
        {"filename": None},
        {"filename": ["a"]},
        {"content_type": ""},
        {"content_type": "IMAGE/PNG; x=y"},
        {"content_type": "a/b\r\nX: y"},
        {"content_type": "text/plain\n"},
        {"content_type": ["text/plain"]},
        {"checksum_sha256": None},
        {"checksum_sha256": "abc"},
        {"checksum_sha256": hashlib.sha256(b"hello").hexdigest()},
        {"checksum_sha256": CHECKSUM.replace("=", "")},
        {"checksum_sha256": CHECKSUM[:42] + "Z="},
        {"transport": "copy"},
        {"transport": "multipart", "byte_size": 0},
        {"key": "uploads/mine"},
        {"owner": 1},
        {"state": "ready"},
    ],
    ids=str,
)
def test_invalid_declaration_is_refused(call: Call, changes: dict[str, Any]) -> None:
    problem = assert_problem(
        call("POST", "/uploads", HELLO | changes), 422, "invalid_request"
    )

    assert problem["errors"]
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"filename": "a", "filename": "b"}',
        b'{"byte_size": NaN}',
        b"\xef\xbb\xbf{}",
        json.dumps(HELLO).encode("utf-16"),
        b"[" * 100_000,
        b'{"uploads":' * 10_000,
        b"\xff\xfe",
    ],
    ids=range(11),
)
def test_body_that_is_no_json_object_is_refused(
    alice: Any, bucket: Bucket, body: bytes
) -> None:
    client = Client()
    client.force_login(alice)

    response = client.post("/api/v1/uploads", body, content_type="application/json")

    assert_problem(response, 422, "invalid_request")


def test_json_with_another_content_type_is_refused(alice: Any, bucket: Bucket) -> None:
    client = Client()
    client.force_login(alice)

    response = client.post(
        "/api/v1/uploads", json.dumps(HELLO), content_type="text/plain"
    )

    assert_problem(response, 422, "invalid_request")


@pytest.mark.parametrize(
    "query",
    ["cursor=nonsense", "cursor=%00", "limit=0", "limit=101", "state=gone", "q=%00"],
)
def test_invalid_query_is_refused(call: Call, query: str) -> None:
    assert_problem(call("GET", f"/uploads?{query}"), 422, "invalid_request")


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 201, "caf\u00e9"])
def test_invalid_idempotency_key_is_refused(call: Call, key: str) -> None:
    response = call("POST", "/uploads", HELLO, idempotency_key=key)

    assert_problem(response, 422, "invalid_request")


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ([], "parts"),
        ([{"part_number": 0, "checksum_sha256": CHECKSUM}], "parts.0.part_number"),
        ([{"part_number": 10_001, "checksum_sha256": CHECKSUM}], "parts.0.part_number"),
        ([{"part_number": 3, "checksum_sha256": CHECKSUM}], "parts"),
        ([{"part_number": 1, "checksum_sha256": CHECKSUM}] * 2, "parts"),
        ([{"part_number": 1}], "parts.0.checksum_sha256"),
        ([{"part_number": 1, "checksum_sha256": CHECKSUM}] * 101, "parts"),
    ],
)
def test_request_for_unplanned_or_invalid_parts_is_refused(
    call: Call, parts: list[Any], field: str
) -> None:
    upload = call(
        "POST",
        "/uploads",
        {"filename": "f", "byte_size": 20 * MIB, "content_type": "text/plain"},
    ).json()

    problem = assert_problem(
        call("POST", f"/uploads/{upload['id']}/parts", {"parts": parts}),
        422,
        "invalid_request",
    )

    assert field in problem["errors"]


def test_unknown_path_or_method_gets_a_problem(call: Call) -> None:
    assert_problem(call("GET", "/nothing"), 404, "not_found")
    assert_problem(call("GET", "/uploads/not-a-uuid"), 404, "not_found")
    refused = call("PUT", "/uploads", HELLO)
    assert_problem(refused, 405, "method_not_allowed")
    assert "POST" in refused["Allow"]


def test_oversized_body_gets_a_problem(call: Call) -> None:
    response = call("POST", "/uploads", HELLO | {"filename": "x" * 2_000_000})

    assert_problem(response, 413, "request_too_large")


def test_unavailable_storage_gets_a_503(call: Call, bucket: Bucket) -> None:
    upload_id = call("POST", "/uploads", HELLO).json()["id"]
    bucket.client.delete_bucket(Bucket=bucket.name)

    response = call("POST", f"/uploads/{upload_id}/complete")

    assert_problem(response, 503, "storage_unavailable")
    assert int(response["Retry-After"]) > 0


def all_errors(root: type[errors.UploadError]) -> set[type[errors.UploadError]]:
    return {root}.union(*(all_errors(child) for child in root.__subclasses__()))


def test_every_error_code_has_a_status() -> None:
    assert set(STATUS) == all_errors(errors.UploadError) - {errors.UploadError}


def test_openapi_document_has_every_path(call: Call) -> None:
    document = call("GET", "/openapi.json").json()

    assert document["openapi"].startswith("3.1")
    assert {
        (method.upper(), path.removeprefix("/api/v1"))
        for path, operations in document["paths"].items()
        for method in operations
    } == {
        ("GET", "/me"),
        ("GET", "/uploads"),
        ("POST", "/uploads"),
        ("POST", "/uploads/batch"),
        ("POST", "/uploads/complete-batch"),
        ("GET", "/uploads/{upload_id}"),
        ("PATCH", "/uploads/{upload_id}"),
        ("DELETE", "/uploads/{upload_id}"),
        ("POST", "/uploads/{upload_id}/parts"),
        ("GET", "/uploads/{upload_id}/parts"),
        ("POST", "/uploads/{upload_id}/complete"),
        ("POST", "/uploads/{upload_id}/request-release"),
        ("GET", "/uploads/{upload_id}/download"),
        ("POST", "/storage-faults"),
    }
