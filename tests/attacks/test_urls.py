"""Manipulated presigned URLs. An upload URL must permit only the signed request."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from tests.attacks.people import HELLO, MIB, OTHER, Person, assert_problem, declaration
from tests.bucket.stores import RawRequest, form, send_raw, sha256
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.states import State

if TYPE_CHECKING:
    from pytest_django import Settings

Manipulation = Callable[[RawRequest], RawRequest]


def added(name: str, value: str) -> Manipulation:
    return lambda raw_request: raw_request.with_header(name, value)


def appended(text: str) -> Manipulation:
    return lambda raw_request: replace(raw_request, url=f"{raw_request.url}&{text}")


MANIPULATED = {
    # A copy could read any object of the bucket with the signer's rights.
    "copy source": added("x-amz-copy-source", "/slipway/uploads/secret"),
    "copy source in the query": appended("x-amz-copy-source=/slipway/uploads/x"),
    # A public object could be read without a download URL.
    "public": added("x-amz-acl", "public-read"),
    "granted": added("x-amz-grant-read", 'uri="http://acs.example/AllUsers"'),
    # Some scanners store their verdict as a tag, so the uploader must not set tags.
    "tagged clean": added("x-amz-tagging", "ScanStatus=NO_THREATS_FOUND"),
    "tagged clean in the query": appended("tagging"),
    # A redirect would lead people from our bucket to another site.
    "redirect": added("x-amz-website-redirect-location", "https://evil.example"),
    # A legal hold would prevent the deletion of the object.
    "locked": added("x-amz-object-lock-legal-hold", "ON"),
    "own encryption key": added("x-amz-server-side-encryption-customer-key", "QQ=="),
    # The signed Content-Type and Content-Disposition prevent web pages on the bucket's
    # origin.
    "as a page": added("Content-Type", "text/html"),
    "two types": added("content-type ", "text/html"),
    "to be shown": added("Content-Disposition", "inline"),
    # Without If-None-Match, a second PUT would replace the verified object.
    "may overwrite": lambda raw_request: raw_request.without_header("If-None-Match"),
    "overwrites by ETag": added("If-None-Match", '"d41d8cd98f00b204e9800998ecf8427e"'),
    # Without the checksum, S3 would accept any bytes of the declared length.
    "no checksum": lambda raw_request: raw_request.without_header(
        "x-amz-checksum-sha256"
    ),
    "checksum of other bytes": lambda raw_request: raw_request.with_body(
        OTHER
    ).with_header("x-amz-checksum-sha256", sha256(OTHER)),
    "weaker checksum": added("x-amz-checksum-crc32", "NhCmhg=="),
    # The quota counts the declared length, so S3 must refuse other lengths.
    "longer": lambda raw_request: raw_request.with_body(HELLO + b"!"),
    "shorter": lambda raw_request: raw_request.with_body(HELLO[:-1]),
    "without a length": lambda raw_request: raw_request.in_chunks(),
    "other bytes": lambda raw_request: raw_request.with_body(OTHER),
    "signed stream": added(
        "x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    ),
    # The URL must permit no other operations.
    "read": lambda raw_request: raw_request.with_method("GET"),
    "delete": lambda raw_request: raw_request.with_method("DELETE"),
    "bulk delete": lambda raw_request: appended("delete")(
        raw_request.with_method("POST")
    ),
    "list": lambda raw_request: replace(
        raw_request, method="GET", url=raw_request.url.split("/uploads/")[0]
    ),
    # Other spellings of the key or the bucket must not work.
    "other key": lambda raw_request: raw_request.with_url("/uploads/", "/uploads/0"),
    "key through dots": lambda raw_request: raw_request.with_url(
        "/uploads/", "/uploads/../uploads/"
    ),
    "key with a slash": lambda raw_request: raw_request.with_url(
        "/uploads/", "//uploads/"
    ),
    "other bucket": lambda raw_request: raw_request.with_url(
        "/slipway/", "/slipway-other/"
    ),
    "key in capitals": lambda raw_request: raw_request.with_url(
        "/uploads/", "/Uploads/"
    ),
    # The lifetime is part of the signature.
    "longer lifetime": lambda raw_request: raw_request.with_url(
        "X-Amz-Expires=900", "X-Amz-Expires=86400"
    ),
    "two lifetimes": appended("X-Amz-Expires=86400"),
    "fewer signed headers": lambda raw_request: raw_request.with_url(
        "%3Bif-none-match", ""
    ),
    "no signature": lambda raw_request: replace(
        raw_request, url=raw_request.url.partition("&X-Amz-Signature")[0]
    ),
    "path without a query": lambda raw_request: replace(
        raw_request, url=raw_request.url.split("?")[0]
    ),
    "as a new multipart upload": lambda raw_request: appended("uploads")(
        raw_request.with_method("POST")
    ),
    "as a part": appended("partNumber=1&uploadId=x"),
}


def test_manipulated_url_is_refused_and_stores_no_object(
    alice: Person, seaweed_bucket: Bucket, subtests: pytest.Subtests
) -> None:
    started = alice.start()
    key = started.row.key

    for name, manipulate in MANIPULATED.items():
        with subtests.test(name=name):
            answer = send_raw(manipulate(started.raw_request(HELLO)))
            assert 400 <= answer.status < 500, answer
            assert HELLO not in answer.body
            assert seaweed_bucket.head_object(key) is None
    # The unchanged URL works, so each refusal was due to the manipulation.
    assert send_raw(started.raw_request(HELLO)).status == 200


def test_url_has_one_host_and_one_algorithm(alice: Person, settings: Settings) -> None:
    # Signatures of version 2 bind neither length nor checksum, and a URL must work for
    # one host only.
    parts = urlsplit(alice.start().raw_request(HELLO).url)
    query = parse_qs(parts.query)

    assert f"{parts.scheme}://{parts.netloc}" == settings.S3_ENDPOINT_URL
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert "AWSAccessKeyId" not in query
    assert query["X-Amz-Credential"][0].startswith("slipway-signer/")


def test_expired_url_is_refused(alice: Person, settings: Settings) -> None:
    # A URL found in a log, a proxy or a browser's history must no longer work.
    settings.UPLOADS = {**settings.UPLOADS, "URL_EXPIRY_SECONDS": 1}
    raw_request = alice.start().raw_request(HELLO)
    time.sleep(2.2)

    assert send_raw(raw_request).status == 403


def test_overdue_upload_gets_no_url(alice: Person) -> None:
    # Otherwise a client could extend an upload without a limit by requests for URLs.
    started = alice.start_parts(MIB)
    past = timezone.now() - timedelta(seconds=1)
    Upload.objects.filter(pk=started.id).update(expires_at=past)

    parts = {"parts": [{"part_number": 1, "checksum_sha256": sha256(b"")}]}
    answer = alice.call("POST", f"/uploads/{started.id}/parts", parts)

    assert_problem(answer, 409, "invalid_state")


def test_repeated_start_of_an_overdue_upload_gets_no_url(alice: Person) -> None:
    # A repeated start with the idempotency key must not give new URLs for an ended
    # upload.
    key = {"Idempotency-Key": "again"}
    received = alice.call("POST", "/uploads", declaration(HELLO), **key).json()
    past = timezone.now() - timedelta(seconds=1)
    Upload.objects.filter(pk=received["id"]).update(expires_at=past)

    assert_problem(
        alice.call("POST", "/uploads", declaration(HELLO), **key), 409, "invalid_state"
    )


def test_repeated_start_of_a_cancelled_upload_gets_no_url(alice: Person) -> None:
    # The cancel has released the quota, so no quota would count bytes sent by a new
    # URL.
    key = {"Idempotency-Key": "again"}
    received = alice.call("POST", "/uploads", declaration(HELLO), **key).json()
    alice.call("DELETE", f"/uploads/{received['id']}")

    again = alice.call("POST", "/uploads", declaration(HELLO), **key).json()

    assert (again["state"], again["request"]) == ("cancelled", None)


def test_url_does_not_work_for_another_upload(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    # The signature for a small file must not work for a person's large file.
    first, second = alice.start(), alice.start()
    raw_request = first.raw_request(HELLO).with_url(first.row.key, second.row.key)

    assert send_raw(raw_request).status == 403
    assert seaweed_bucket.head_object(second.row.key) is None


def test_part_url_does_not_work_for_another_multipart_upload(
    alice: Person, bob: Person
) -> None:
    # Otherwise a person could add content to another person's file.
    mine, theirs = bob.start_parts(5), alice.start_parts(5)
    raw_request = bob.part(mine, 1, HELLO)

    for manipulated in (
        raw_request.with_url(mine.row.multipart_id, theirs.row.multipart_id),
        raw_request.with_url(mine.row.key, theirs.row.key),
        raw_request.with_url(mine.row.multipart_id, theirs.row.multipart_id).with_url(
            mine.row.key, theirs.row.key
        ),
    ):
        assert send_raw(manipulated).status in {403, 404}
    assert alice.call("GET", f"/uploads/{theirs.id}/parts").json()["parts"] == []


def test_part_number_over_the_part_count_gets_no_url(
    alice: Person, subtests: pytest.Subtests
) -> None:
    # Each additional part could have 5 GiB without a reservation.
    started = alice.start_parts(5)

    for number in (0, 2, 10_000, 10_001, -1):
        with subtests.test(number=number):
            parts = {"parts": [{"part_number": number, "checksum_sha256": sha256(b"")}]}
            answer = alice.call("POST", f"/uploads/{started.id}/parts", parts)
            assert_problem(answer, 422, "invalid_request")


def test_part_of_another_length_is_refused(alice: Person) -> None:
    # Parts that are longer than planned would exceed the quota.
    raw_request = alice.part(alice.start_parts(5), 1, HELLO)

    assert send_raw(raw_request.with_body(HELLO + b"!")).status == 403


@pytest.mark.parametrize(
    "name", ["acl", "x-amz-meta-owner", "x-amz-tagging", "x-amz-storage-class", "key"]
)
def test_form_with_an_additional_field_has_no_effect(
    alice: Person, seaweed_bucket: Bucket, name: str
) -> None:
    # An additional field of a form could add a permission.
    started = alice.start(transport="post")
    request = started.received["request"]
    fields = {**request["fields"], name: "public-read"}

    answer = send_raw(form(request["url"], fields, HELLO))

    if name == "acl":
        # SeaweedFS ignores the field, AWS refuses it. The object is public in neither
        # case.
        assert (
            send_raw(
                RawRequest("GET", f"{request['url']}/{started.row.key}", {})
            ).status
            == 403
        )
    else:
        assert answer.status in {400, 403}
        assert seaweed_bucket.head_object(started.row.key) is None


def test_policy_of_a_form_fixes_all_fields(alice: Person) -> None:
    # A `starts-with` condition on the key or the type is a common vulnerability of
    # forms.
    fields = alice.start(transport="post", filename="x${filename}").received["request"][
        "fields"
    ]
    conditions = json.loads(base64.b64decode(fields["policy"]))["conditions"]

    assert ["content-length-range", 5, 5] in conditions
    kinds = {item[0] for item in conditions if isinstance(item, list)}
    assert kinds == {"eq", "content-length-range"}
    assert "${filename}" not in json.dumps(conditions)
    assert "success_action_redirect" not in fields


@pytest.mark.parametrize("encoding", ["gzip", "x" * 300])
def test_object_with_a_content_encoding_is_rejected(
    alice: Person, encoding: str
) -> None:
    # A signature cannot forbid an additional Content-Encoding, and browsers would
    # decode each download.
    started = alice.start()
    raw_request = started.raw_request(HELLO).with_header("Content-Encoding", encoding)
    assert send_raw(raw_request).status == 200

    received = alice.call("POST", f"/uploads/{started.id}/complete").json()

    assert received["state"] == "rejected"
    assert len(received["rejected_reason"]) <= 255


def test_hostile_header_value_is_escaped_in_the_reason(alice: Person) -> None:
    # The reason contains the attacker's value, and the upload's page shows the reason.
    started = alice.start()
    evil = "<img src=x onerror=alert(1)>"
    assert (
        send_raw(
            started.raw_request(HELLO).with_header("Content-Encoding", evil)
        ).status
        == 200
    )
    alice.call("POST", f"/uploads/{started.id}/complete")

    page = alice.browser.get(f"/uploads/{started.id}/").content.decode()

    assert started.row.state == State.REJECTED
    assert evil not in page
    assert "&lt;img src=x" in page


def test_bucket_refuses_requests_without_a_signature(
    alice: Person, settings: Settings, subtests: pytest.Subtests
) -> None:
    # Keys have 160 random bits, but are secret only if nobody can list the bucket.
    alice.upload()

    for query in ("", "?list-type=2", "?uploads", "?acl", "?policy"):
        with subtests.test(query=query):
            url = f"{settings.S3_ENDPOINT_URL}/slipway{query}"
            assert send_raw(RawRequest("GET", url, {})).status == 403


def test_object_cannot_be_read_without_a_signature(
    alice: Person, settings: Settings
) -> None:
    # A key from a log or a backup must not be enough for a download.
    started = alice.upload()

    url = f"{settings.S3_ENDPOINT_URL}/slipway/{started.row.key}"

    assert send_raw(RawRequest("GET", url, {})).status == 403
