"""The HTTP contract, version 1, as a client meets it."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from tests.support import heads
from uploads import errors, lifecycle
from uploads.access.tokens import create_token
from uploads.api.problems import STATUS
from uploads.lifecycle.quota import usage as usage_of
from uploads.models import StorageQuota, Upload, UploadPolicy
from uploads.s3.bucket import Bucket

pytestmark = pytest.mark.django_db

MIB = 1024 * 1024
CHECKSUM = base64.b64encode(hashlib.sha256(b"hello").digest()).decode()
HELLO = {
    "filename": "hello.txt",
    "byte_size": 5,
    "content_type": "text/plain",
    "checksum_sha256": CHECKSUM,
}
SOME_ID = "6d1f0a52-0c41-4a86-9d3f-0d6a2d1f5d11"
Call = Callable[..., Any]


@pytest.fixture
def alice(django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("alice", password="correct horse")


@pytest.fixture
def bob(django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("bob")


@pytest.fixture
def call(alice: Any, bucket: Bucket) -> Call:
    """Return a caller of the API as alice, by session."""
    client = Client()
    client.force_login(alice)
    return caller(client)


def caller(client: Client) -> Call:
    def send(method: str, path: str, body: Any = None, **headers: str) -> Any:
        data = b"" if body is None else json.dumps(body).encode()
        return client.generic(
            method,
            f"/api/v1{path}",
            data,
            content_type="application/json",
            headers={name.replace("_", "-"): text for name, text in headers.items()},
        )

    return send


def store(bucket: Bucket, upload_id: str, content: bytes = b"hello") -> None:
    upload = Upload.objects.get(pk=upload_id)
    bucket.client.put_object(
        Bucket=bucket.name,
        Key=upload.key,
        Body=content,
        ContentType=upload.content_type,
        ChecksumAlgorithm="SHA256",
        ChecksumSHA256=base64.b64encode(hashlib.sha256(content).digest()).decode(),
    )


def assert_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert {"type", "title", "status", "detail", "code"} <= body.keys()
    assert (body["status"], body["code"]) == (status, code)
    return body


def test_a_small_file_gets_one_request_that_pins_everything(call: Call) -> None:
    response = call("POST", "/uploads", HELLO)

    assert response.status_code == 201
    assert response["Cache-Control"] == "no-store"
    body = response.json()
    assert set(body) == {
        "id",
        "state",
        "filename",
        "relative_path",
        "byte_size",
        "content_type",
        "detected_type",
        "note",
        "checksum_sha256",
        "checksum_verified_by",
        "transport",
        "created_at",
        "expires_at",
        "completed_at",
        "rejected_reason",
        "last_modified",
        "fingerprint",
        "release",
        "released_as",
        "released_from",
        "request",
    }
    assert (body["state"], body["transport"]) == ("pending", "put")
    assert body["created_at"].endswith("Z")
    assert body["request"]["method"] == "PUT"
    assert body["request"]["headers"] == {
        "Content-Type": "text/plain",
        "Content-Disposition": "attachment",
        "If-None-Match": "*",
        "x-amz-checksum-sha256": CHECKSUM,
    }
    url = body["request"]["url"]
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url
    assert "X-Amz-Expires=900" in url
    assert (
        "X-Amz-SignedHeaders=content-disposition%3Bcontent-length%3Bcontent-type"
        "%3Bhost%3Bif-none-match%3Bx-amz-checksum-sha256" in url
    )
    assert "hello" not in url


def test_a_large_file_gets_a_plan_of_parts(call: Call) -> None:
    body = call(
        "POST",
        "/uploads",
        {
            "filename": "film.mp4",
            "byte_size": 40 * MIB,
            "content_type": "video/mp4",
        },
    ).json()

    assert body["transport"] == "multipart"
    assert (body["part_size"], body["part_count"]) == (16 * MIB, 3)
    assert "request" not in body
    signed = call(
        "POST",
        f"/uploads/{body['id']}/parts",
        {
            "parts": [
                {"part_number": number, "checksum_sha256": CHECKSUM}
                for number in (1, 2, 3)
            ]
        },
    ).json()
    assert [part["part_number"] for part in signed["parts"]] == [1, 2, 3]
    assert signed["parts"][0]["headers"] == {"x-amz-checksum-sha256": CHECKSUM}
    listed = call("GET", f"/uploads/{body['id']}/parts").json()
    assert listed == {"part_size": 16 * MIB, "part_count": 3, "parts": []}


def test_a_form_is_presigned_on_request(call: Call) -> None:
    body = call("POST", "/uploads", HELLO | {"transport": "post"}).json()

    policy = json.loads(base64.b64decode(body["request"]["fields"]["policy"]))
    assert body["request"]["method"] == "POST"
    assert ["content-length-range", 5, 5] in policy["conditions"]
    assert ["eq", "$x-amz-checksum-sha256", CHECKSUM] in policy["conditions"]
    assert not any(
        isinstance(condition, list) and condition[0] == "starts-with"
        for condition in policy["conditions"]
    )


def test_complete_records_the_file_and_repeats_the_answer(
    call: Call, bucket: Bucket
) -> None:
    upload_id = call("POST", "/uploads", HELLO).json()["id"]
    before = call("POST", f"/uploads/{upload_id}/complete")
    store(bucket, upload_id)

    first = call("POST", f"/uploads/{upload_id}/complete")
    second = call("POST", f"/uploads/{upload_id}/complete")

    assert assert_problem(before, 409, "incomplete")["missing_parts"] == [1]
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert first.json()["state"] == "ready"
    assert call("GET", "/me").json()["quota"] == {
        "limit_bytes": 20 * 1000**3,
        "used_bytes": 5,
        "reserved_bytes": 0,
        "file_count": 1,
        "reserved_files": 0,
        "max_files": 100_000,
    }


def test_a_ready_file_is_downloaded_by_redirect(call: Call, bucket: Bucket) -> None:
    upload_id = call("POST", "/uploads", HELLO).json()["id"]
    early = call("GET", f"/uploads/{upload_id}/download")
    store(bucket, upload_id)
    call("POST", f"/uploads/{upload_id}/complete")

    response = call("GET", f"/uploads/{upload_id}/download")

    assert_problem(early, 409, "invalid_state")
    assert response.status_code == 302
    assert "response-content-disposition=attachment" in response["Location"]
    assert Upload.objects.get(pk=upload_id).events.latest("id").kind == (
        "upload.downloaded"
    )


def test_a_batch_answers_for_each_file_in_order(call: Call, alice: Any) -> None:
    StorageQuota.objects.create(user=alice, limit_bytes=10)
    wanted = [
        HELLO,
        HELLO | {"byte_size": 6},
        HELLO | {"filename": "hello.pdf.exe", "head": "aGVsbG8="},
        HELLO,
    ]

    response = call("POST", "/uploads/batch", {"uploads": wanted})

    assert response.status_code == 200
    results = response.json()["results"]
    assert [result["status"] for result in results] == [201, 403, 422, 201]
    assert results[0]["upload"]["request"]["method"] == "PUT"
    assert results[1]["problem"]["code"] == "quota_exceeded"


def test_a_batch_is_completed_in_one_request(call: Call, bucket: Bucket) -> None:
    started = call("POST", "/uploads/batch", {"uploads": [HELLO, HELLO]}).json()
    ids = [result["upload"]["id"] for result in started["results"]]
    store(bucket, ids[0])
    unknown = str(uuid.uuid4())

    results = call("POST", "/uploads/complete-batch", {"ids": [*ids, unknown]}).json()[
        "results"
    ]

    assert [result["status"] for result in results] == [200, 409, 404]
    assert results[0]["upload"]["state"] == "ready"


def test_a_repeated_batch_with_its_key_starts_nothing_twice(call: Call) -> None:
    first = call(
        "POST", "/uploads/batch", {"uploads": [HELLO, HELLO]}, idempotency_key="b1"
    ).json()
    again = call(
        "POST", "/uploads/batch", {"uploads": [HELLO, HELLO]}, idempotency_key="b1"
    ).json()

    assert [r["upload"]["id"] for r in first["results"]] == [
        r["upload"]["id"] for r in again["results"]
    ]
    assert Upload.objects.count() == 2


def test_the_list_pages_newest_first_by_cursor(call: Call) -> None:
    ids = [
        call("POST", "/uploads", HELLO | {"filename": f"{n}.txt"}).json()["id"]
        for n in range(5)
    ]
    seen = []
    cursor = ""
    for _ in range(3):
        page = call("GET", f"/uploads?limit=2&cursor={cursor}").json()
        seen += [upload["id"] for upload in page["results"]]
        cursor = page["next_cursor"]

    assert seen == ids[::-1]
    assert cursor is None


def test_the_list_filters_by_state_and_name(call: Call) -> None:
    first = call("POST", "/uploads", HELLO | {"filename": "Summer.txt"}).json()["id"]
    second = call("POST", "/uploads", HELLO | {"filename": "winter.txt"}).json()["id"]
    call("DELETE", f"/uploads/{second}")

    def listed(query: str) -> list[str]:
        return [u["id"] for u in call("GET", f"/uploads?{query}").json()["results"]]

    assert listed("q=sum") == [first]
    assert listed("") == [first]
    assert listed("state=cancelled") == [second]
    assert listed("state=ready") == []


def test_delete_cancels_and_can_be_repeated(call: Call) -> None:
    upload_id = call("POST", "/uploads", HELLO).json()["id"]

    first = call("DELETE", f"/uploads/{upload_id}")
    second = call("DELETE", f"/uploads/{upload_id}")

    assert first.status_code == second.status_code == 204
    assert call("GET", f"/uploads/{upload_id}").json()["state"] == "cancelled"
    assert_problem(call("POST", f"/uploads/{upload_id}/complete"), 409, "invalid_state")


def test_rename_keeps_the_name_as_it_is_sent(call: Call) -> None:
    upload_id = call("POST", "/uploads", HELLO).json()["id"]

    response = call("PATCH", f"/uploads/{upload_id}", {"filename": " u\u0308b: a.txt "})

    assert response.status_code == 200
    assert response.json()["filename"] == "\u00fcb: a.txt"


@pytest.mark.parametrize(
    ("filename", "words"),
    [
        ("   ", "Give the file a name."),
        ("a/b\\c.txt", "A name cannot contain / or \\."),
        ("a\u202eb.txt", "A name cannot contain invisible characters."),
    ],
    ids=ascii,
)
def test_rename_refuses_a_name_that_it_could_not_keep(
    call: Call, filename: str, words: str
) -> None:
    started = call("POST", "/uploads", HELLO).json()

    response = call("PATCH", f"/uploads/{started['id']}", {"filename": filename})

    told = assert_problem(response, 422, "invalid_request")
    assert told["errors"] == {"filename": [words]}
    now = call("GET", f"/uploads/{started['id']}").json()
    assert now["filename"] == started["filename"]


VERBS = [
    ("GET", ""),
    ("PATCH", ""),
    ("DELETE", ""),
    ("POST", "/parts"),
    ("GET", "/parts"),
    ("POST", "/complete"),
    ("GET", "/download"),
]
BODIES = {
    ("PATCH", ""): {"filename": "mine.txt"},
    ("POST", "/parts"): {"parts": [{"part_number": 1, "checksum_sha256": CHECKSUM}]},
}


@pytest.mark.parametrize(("method", "tail"), VERBS)
def test_someone_elses_upload_is_as_unknown_as_a_missing_one(
    call: Call, bob: Any, method: str, tail: str
) -> None:
    theirs = lifecycle.start(
        owner=bob,
        declaration=lifecycle.Declaration("b.bin", 20 * MIB, "text/plain"),
    )
    body = BODIES.get((method, tail))

    neighbours = call(method, f"/uploads/{theirs.pk}{tail}", body)
    missing = call(method, f"/uploads/{uuid.uuid4()}{tail}", body)

    assert_problem(neighbours, 404, "not_found")
    assert neighbours.json() == missing.json()
    theirs.refresh_from_db()
    assert (theirs.state, theirs.filename) == ("pending", "b.bin")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/me"),
        ("GET", "/uploads"),
        ("POST", "/uploads"),
        ("POST", "/uploads/batch"),
        ("POST", "/uploads/complete-batch"),
        ("GET", "/openapi.json"),
        *((method, f"/uploads/{SOME_ID}{tail}") for method, tail in VERBS),
    ],
)
def test_anonymous_gets_401_everywhere(
    db: None, bucket: Bucket, method: str, path: str
) -> None:
    assert_problem(caller(Client())(method, path, {}), 401, "not_authenticated")


def test_a_session_needs_the_csrf_token_to_change_anything(
    alice: Any, bucket: Bucket
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    client.get("/accounts/login/")

    refused = caller(client)("POST", "/uploads", HELLO)
    token = "a" * 32
    client.cookies["csrftoken"] = token
    admitted = caller(client)("POST", "/uploads", HELLO, X_CSRFToken=token)

    assert_problem(refused, 403, "csrf_failed")
    assert admitted.status_code == 201


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/uploads"), ("POST", "/uploads")]
)
def test_a_page_is_answered_as_whose_it_is_or_not_at_all(
    alice: Any, bob: Any, bucket: Bucket, method: str, path: str
) -> None:
    client = Client()
    client.force_login(bob)
    body = HELLO if method == "POST" else None

    refused = caller(client)(method, path, body, X_Slipway_User=str(alice.pk))
    admitted = caller(client)(method, path, body, X_Slipway_User=str(bob.pk))

    assert_problem(refused, 401, "not_authenticated")
    assert "Another account" in refused.json()["detail"]
    assert admitted.status_code in {200, 201}
    assert Upload.objects.filter(owner=alice).count() == 0


def test_a_token_needs_no_csrf_and_a_bad_one_never_falls_back(
    alice: Any, bucket: Bucket
) -> None:
    _, secret = create_token(alice, name="script")
    _, expired = create_token(
        alice, name="old", expires_at=timezone.now() - timedelta(seconds=1)
    )
    client = Client(enforce_csrf_checks=True)
    admitted = caller(client)(
        "POST", "/uploads", HELLO, Authorization=f"Bearer {secret}"
    )
    client.force_login(alice)

    assert admitted.status_code == 201
    for bad in (expired, "slipway_nonsense", ""):
        refused = caller(client)("GET", "/me", Authorization=f"Bearer {bad}")
        assert_problem(refused, 401, "not_authenticated")


def test_a_disabled_account_is_out_at_once(
    call: Call, alice: Any, bucket: Bucket
) -> None:
    _, secret = create_token(alice, name="script")
    alice.is_active = False
    alice.save()

    assert_problem(call("GET", "/me"), 401, "not_authenticated")
    refused = caller(Client())("GET", "/me", Authorization=f"Bearer {secret}")
    assert_problem(refused, 401, "not_authenticated")


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
def test_what_is_not_in_the_contract_is_refused(
    call: Call, changes: dict[str, Any]
) -> None:
    problem = assert_problem(
        call("POST", "/uploads", HELLO | changes), 422, "invalid_request"
    )

    assert problem["errors"]
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"byte_size": 2**53 - 1, "transport": "multipart"}, 413, "file_too_large"),
        ({"byte_size": 21 * 1024**3}, 403, "quota_exceeded"),
        ({"byte_size": 6 * 1024**3, "transport": "put"}, 413, "file_too_large"),
    ],
    ids=str,
)
def test_what_the_policy_forbids_has_its_own_code(
    call: Call, changes: dict[str, Any], status: int, code: str
) -> None:
    assert_problem(call("POST", "/uploads", HELLO | changes), status, code)


# The head: an early answer


def with_head(content: bytes, **changes: Any) -> dict[str, Any]:
    return HELLO | {"head": base64.b64encode(content).decode()} | changes


def test_a_disguise_is_refused_before_anything_is_reserved(
    call: Call, alice: Any
) -> None:
    body = with_head(heads.PE, filename="film.mp4", content_type="video/mp4")

    told = assert_problem(call("POST", "/uploads", body), 422, "invalid_request")

    assert "Windows program" in told["detail"]
    assert told["errors"]["head"] == [told["detail"]]
    assert not Upload.objects.exists()
    assert usage_of(alice).reserved_bytes == 0


def test_a_film_under_a_policy_of_pictures_is_refused_before_it_is_sent(
    call: Call, alice: Any
) -> None:
    UploadPolicy.objects.create(user=alice, allowed_content_types=["image/*"])
    film = with_head(
        heads.MP4, filename="a.jpg", content_type="image/jpeg", byte_size=4 * 1024**3
    ) | {"transport": "multipart"}

    told = assert_problem(
        call("POST", "/uploads", film), 415, "content_type_not_allowed"
    )

    assert told["detail"] == (
        "Files of type video/mp4 may not be uploaded here. Allowed: image/*."
    )
    results = call("POST", "/uploads/batch", {"uploads": [film]}).json()["results"]
    assert [result["status"] for result in results] == [415]
    assert not Upload.objects.exists()


@pytest.mark.parametrize("content", [heads.WORDS, bytes(range(128, 256)) * 4])
def test_a_head_of_no_allowed_type_is_refused_under_a_policy(
    call: Call, alice: Any, content: bytes
) -> None:
    UploadPolicy.objects.create(user=alice, allowed_content_types=["image/*"])
    body = with_head(content, filename="a.jpg", content_type="image/jpeg")

    assert_problem(call("POST", "/uploads", body), 415, "content_type_not_allowed")


def test_what_the_head_shows_outweighs_a_wrong_declared_type(
    call: Call, alice: Any
) -> None:
    UploadPolicy.objects.create(user=alice, allowed_content_types=["image/*"])
    body = with_head(heads.HEIC, filename="IMG_1", content_type="application/x-wrong")

    assert call("POST", "/uploads", body).status_code == 201


def test_a_head_changes_nothing_under_the_open_policy(call: Call) -> None:
    for content in (heads.WORDS, heads.MP4, b""):
        body = with_head(content, content_type="image/png")
        assert call("POST", "/uploads", body).status_code == 201


@pytest.mark.parametrize(
    "head", ["a", "====", "a" * 5468, "aGVsbG8=\n", "-_-_", 5, ["aGVsbG8="]]
)
def test_a_head_that_is_not_base64_of_four_kib_is_refused(
    call: Call, head: object
) -> None:
    told = assert_problem(
        call("POST", "/uploads", HELLO | {"head": head}), 422, "invalid_request"
    )

    assert "head" in told["errors"]


@pytest.mark.parametrize(
    "content_type",
    ["text/html", "image/svg+xml", "text/javascript", "application/a+xml"],
)
def test_active_types_are_recorded_and_stored_as_plain_bytes(
    call: Call, content_type: str
) -> None:
    body = call("POST", "/uploads", HELLO | {"content_type": content_type}).json()

    assert body["content_type"] == content_type
    assert body["request"]["headers"]["Content-Type"] == "application/octet-stream"


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
def test_bodies_that_are_not_one_json_object_are_refused(
    alice: Any, bucket: Bucket, body: bytes
) -> None:
    client = Client()
    client.force_login(alice)

    response = client.post("/api/v1/uploads", body, content_type="application/json")

    assert_problem(response, 422, "invalid_request")


def test_json_under_another_name_is_refused(alice: Any, bucket: Bucket) -> None:
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
def test_a_bad_query_is_refused(call: Call, query: str) -> None:
    assert_problem(call("GET", f"/uploads?{query}"), 422, "invalid_request")


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 201, "caf\u00e9"])
def test_a_bad_idempotency_key_is_refused(call: Call, key: str) -> None:
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
def test_only_the_parts_of_the_plan_are_presigned(
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


def test_unknown_paths_and_methods_are_problems_too(call: Call) -> None:
    assert_problem(call("GET", "/nothing"), 404, "not_found")
    assert_problem(call("GET", "/uploads/not-a-uuid"), 404, "not_found")
    refused = call("PUT", "/uploads", HELLO)
    assert_problem(refused, 405, "method_not_allowed")
    assert "POST" in refused["Allow"]


def test_a_body_beyond_all_reason_is_refused(call: Call) -> None:
    response = call("POST", "/uploads", HELLO | {"filename": "x" * 2_000_000})

    assert_problem(response, 413, "request_too_large")


def test_storage_that_is_down_is_said_to_be_down(call: Call, bucket: Bucket) -> None:
    upload_id = call("POST", "/uploads", HELLO).json()["id"]
    bucket.client.delete_bucket(Bucket=bucket.name)

    response = call("POST", f"/uploads/{upload_id}/complete")

    assert_problem(response, 503, "storage_unavailable")
    assert int(response["Retry-After"]) > 0


def all_errors(root: type[errors.UploadError]) -> set[type[errors.UploadError]]:
    return {root}.union(*(all_errors(child) for child in root.__subclasses__()))


def test_every_error_has_a_status() -> None:
    assert set(STATUS) == all_errors(errors.UploadError) - {errors.UploadError}


def test_the_document_tells_of_every_path(call: Call) -> None:
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


def test_completing_an_overdue_upload_without_its_bytes_expires_it(
    call: Call, bucket: Bucket
) -> None:
    upload_id = call("POST", "/uploads", HELLO).json()["id"]
    Upload.objects.filter(pk=upload_id).update(
        expires_at=timezone.now() - timedelta(seconds=1)
    )

    assert_problem(call("POST", f"/uploads/{upload_id}/complete"), 409, "invalid_state")
    assert call("GET", f"/uploads/{upload_id}").json()["state"] == "expired"
    assert call("GET", "/me").json()["quota"]["reserved_bytes"] == 0


def test_a_session_that_the_database_does_not_tell_of_is_for_later_not_an_error(
    alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    client = Client(raise_request_exception=False)
    client.force_login(alice)
    monkeypatch.setattr(SessionStore, "load", fail)

    answer = caller(client)("GET", "/uploads")

    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Retry-After"] == "5"
    assert "database" in answer.json()["detail"]
