"""Version 1 of the API answers permitted requests."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.support.api_calls import CHECKSUM, HELLO, MIB, Call, assert_problem
from tests.support.builders import put
from uploads.models import StorageQuota, Upload
from uploads.s3.bucket import Bucket

pytestmark = pytest.mark.django_db


def store(bucket: Bucket, upload_id: str, content: bytes = b"hello") -> None:
    put(bucket, Upload.objects.get(pk=upload_id), content)


def test_presigned_request_for_a_small_file_signs_all_facts_of_the_file(
    call: Call,
) -> None:
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
        "checksum_crc64nvme",
        "checksum_algorithm",
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


def test_large_file_gets_a_plan_of_parts(call: Call) -> None:
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


def test_start_with_transport_post_returns_a_presigned_form(call: Call) -> None:
    body = call("POST", "/uploads", HELLO | {"transport": "post"}).json()

    policy = json.loads(base64.b64decode(body["request"]["fields"]["policy"]))
    assert body["request"]["method"] == "POST"
    assert ["content-length-range", 5, 5] in policy["conditions"]
    assert ["eq", "$x-amz-checksum-sha256", CHECKSUM] in policy["conditions"]
    assert not any(
        isinstance(condition, list) and condition[0] == "starts-with"
        for condition in policy["conditions"]
    )


def test_complete_records_the_file_and_can_be_repeated(
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


def test_ready_file_is_downloaded_by_redirect(call: Call, bucket: Bucket) -> None:
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


def test_batch_has_a_result_for_each_file_in_order(call: Call, alice: Any) -> None:
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


def test_batch_is_completed_in_one_request(call: Call, bucket: Bucket) -> None:
    started = call("POST", "/uploads/batch", {"uploads": [HELLO, HELLO]}).json()
    ids = [result["upload"]["id"] for result in started["results"]]
    store(bucket, ids[0])
    unknown = str(uuid.uuid4())

    results = call("POST", "/uploads/complete-batch", {"ids": [*ids, unknown]}).json()[
        "results"
    ]

    assert [result["status"] for result in results] == [200, 409, 404]
    assert results[0]["upload"]["state"] == "ready"


def test_repeated_batch_with_its_key_starts_no_second_upload(call: Call) -> None:
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


def test_cursor_lists_all_uploads_in_pages_newest_first(call: Call) -> None:
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


def test_list_is_filtered_by_state_and_name(call: Call) -> None:
    first = call("POST", "/uploads", HELLO | {"filename": "Summer.txt"}).json()["id"]
    second = call("POST", "/uploads", HELLO | {"filename": "winter.txt"}).json()["id"]
    call("DELETE", f"/uploads/{second}")

    def listed(query: str) -> list[str]:
        return [u["id"] for u in call("GET", f"/uploads?{query}").json()["results"]]

    assert listed("q=sum") == [first]
    assert listed("") == [first]
    assert listed("state=cancelled") == [second]
    assert listed("state=ready") == []


def test_delete_cancels_an_upload_and_can_be_repeated(call: Call) -> None:
    upload_id = call("POST", "/uploads", HELLO).json()["id"]

    first = call("DELETE", f"/uploads/{upload_id}")
    second = call("DELETE", f"/uploads/{upload_id}")

    assert first.status_code == second.status_code == 204
    assert call("GET", f"/uploads/{upload_id}").json()["state"] == "cancelled"
    assert_problem(call("POST", f"/uploads/{upload_id}/complete"), 409, "invalid_state")


def test_rename_stores_the_sent_name_unchanged(call: Call) -> None:
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
def test_rename_to_an_invalid_name_is_refused(
    call: Call, filename: str, words: str
) -> None:
    started = call("POST", "/uploads", HELLO).json()

    response = call("PATCH", f"/uploads/{started['id']}", {"filename": filename})

    problem = assert_problem(response, 422, "invalid_request")
    assert problem["errors"] == {"filename": [words]}
    now = call("GET", f"/uploads/{started['id']}").json()
    assert now["filename"] == started["filename"]


def test_completing_an_overdue_upload_without_an_object_expires_the_upload(
    call: Call, bucket: Bucket
) -> None:
    upload_id = call("POST", "/uploads", HELLO).json()["id"]
    Upload.objects.filter(pk=upload_id).update(
        expires_at=timezone.now() - timedelta(seconds=1)
    )

    assert_problem(call("POST", f"/uploads/{upload_id}/complete"), 409, "invalid_state")
    assert call("GET", f"/uploads/{upload_id}").json()["state"] == "expired"
    assert call("GET", "/me").json()["quota"]["reserved_bytes"] == 0
