"""Presigned URLs, bent: an upload URL is a key, and it must fit one lock only."""

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
from tests.bucket.stores import Wire, form, send_raw, sha256
from tests.support.stages import case
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.states import State

if TYPE_CHECKING:
    from pytest_django import Settings

Bend = Callable[[Wire], Wire]


def added(name: str, value: str) -> Bend:
    return lambda wire: wire.with_header(name, value)


def appended(text: str) -> Bend:
    return lambda wire: replace(wire, url=f"{wire.url}&{text}")


BENT = {
    # A copy would read any object of the bucket with the signer's rights.
    "copy source": added("x-amz-copy-source", "/slipway/uploads/secret"),
    "copy source in the query": appended("x-amz-copy-source=/slipway/uploads/x"),
    # Whoever may publish has no need of a download URL.
    "public": added("x-amz-acl", "public-read"),
    "granted": added("x-amz-grant-read", 'uri="http://acs.example/AllUsers"'),
    # A scanner's verdict is a tag; the uploader must not write it.
    "tagged clean": added("x-amz-tagging", "ScanStatus=NO_THREATS_FOUND"),
    "tagged clean in the query": appended("tagging"),
    # A redirect would serve somebody else's page under our name.
    "redirect": added("x-amz-website-redirect-location", "https://evil.example"),
    # A lock would make the bytes undeletable, and the bill endless.
    "locked": added("x-amz-object-lock-legal-hold", "ON"),
    "own encryption key": added("x-amz-server-side-encryption-customer-key", "QQ=="),
    # A page on the bucket's origin is what Content-Type and -Disposition prevent.
    "as a page": added("Content-Type", "text/html"),
    "two types": added("content-type ", "text/html"),
    "to be shown": added("Content-Disposition", "inline"),
    # Without it a second PUT would replace what was verified.
    "may overwrite": lambda wire: wire.without_header("If-None-Match"),
    "overwrites by ETag": added("If-None-Match", '"d41d8cd98f00b204e9800998ecf8427e"'),
    # Without the checksum any bytes of that length would do.
    "no checksum": lambda wire: wire.without_header("x-amz-checksum-sha256"),
    "checksum of other bytes": lambda wire: wire.with_body(OTHER).with_header(
        "x-amz-checksum-sha256", sha256(OTHER)
    ),
    "weaker checksum": added("x-amz-checksum-crc32", "NhCmhg=="),
    # One byte more for each upload is a quota that leaks.
    "longer": lambda wire: wire.with_body(HELLO + b"!"),
    "shorter": lambda wire: wire.with_body(HELLO[:-1]),
    "without a length": lambda wire: wire.in_chunks(),
    "other bytes": lambda wire: wire.with_body(OTHER),
    "signed stream": added(
        "x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    ),
    # The verbs that a page has no business with.
    "read": lambda wire: wire.with_method("GET"),
    "delete": lambda wire: wire.with_method("DELETE"),
    "bulk delete": lambda wire: appended("delete")(wire.with_method("POST")),
    "list": lambda wire: replace(
        wire, method="GET", url=wire.url.split("/uploads/")[0]
    ),
    # A neighbour's name, reached by spelling.
    "other key": lambda wire: wire.with_url("/uploads/", "/uploads/0"),
    "key through dots": lambda wire: wire.with_url("/uploads/", "/uploads/../uploads/"),
    "key with a slash": lambda wire: wire.with_url("/uploads/", "//uploads/"),
    "other bucket": lambda wire: wire.with_url("/slipway/", "/slipway-other/"),
    "key in capitals": lambda wire: wire.with_url("/uploads/", "/Uploads/"),
    # Time is part of the key.
    "longer life": lambda wire: wire.with_url(
        "X-Amz-Expires=900", "X-Amz-Expires=86400"
    ),
    "life given twice": appended("X-Amz-Expires=86400"),
    "fewer signed headers": lambda wire: wire.with_url("%3Bif-none-match", ""),
    "no signature": lambda wire: replace(
        wire, url=wire.url.partition("&X-Amz-Signature")[0]
    ),
    "nothing but the path": lambda wire: replace(wire, url=wire.url.split("?")[0]),
    "as a new multipart upload": lambda wire: appended("uploads")(
        wire.with_method("POST")
    ),
    "as a part": appended("partNumber=1&uploadId=x"),
}


def test_a_bent_url_writes_nothing(alice: Person, seaweed_bucket: Bucket) -> None:
    started = alice.start()
    key = started.row.key

    for name, bend in BENT.items():
        with case(name):
            answer = send_raw(bend(started.wire(HELLO)))
            assert 400 <= answer.status < 500, answer
            assert HELLO not in answer.body
            assert seaweed_bucket.head_object(key) is None
    # Each of them was refused for how it was bent: as it is, the URL still works.
    assert send_raw(started.wire(HELLO)).status == 200


def test_a_url_names_one_host_and_one_algorithm(
    alice: Person, settings: Settings
) -> None:
    # SigV2 pins neither length nor checksum, and a second host is a second door.
    parts = urlsplit(alice.start().wire(HELLO).url)
    query = parse_qs(parts.query)

    assert f"{parts.scheme}://{parts.netloc}" == settings.S3_ENDPOINT_URL
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert "AWSAccessKeyId" not in query
    assert query["X-Amz-Credential"][0].startswith("slipway-signer/")


def test_an_expired_url_is_dead(alice: Person, settings: Settings) -> None:
    # A URL from a log, a proxy or a history must be worth nothing by then.
    settings.UPLOADS = {**settings.UPLOADS, "URL_EXPIRY_SECONDS": 1}
    wire = alice.start().wire(HELLO)
    time.sleep(2.2)

    assert send_raw(wire).status == 403


def test_nothing_is_presigned_for_an_overdue_upload(alice: Person) -> None:
    # Otherwise the last second of an upload would last as long as one asks.
    started = alice.start_parts(MIB)
    past = timezone.now() - timedelta(seconds=1)
    Upload.objects.filter(pk=started.id).update(expires_at=past)

    parts = {"parts": [{"part_number": 1, "checksum_sha256": sha256(b"")}]}
    answer = alice.call("POST", f"/uploads/{started.id}/parts", parts)

    assert_problem(answer, 409, "invalid_state")


def test_a_repeated_start_gives_no_url_for_an_overdue_upload(alice: Person) -> None:
    # The idempotency key must not be a way to new URLs for what is over.
    key = {"Idempotency-Key": "again"}
    told = alice.call("POST", "/uploads", declaration(HELLO), **key).json()
    past = timezone.now() - timedelta(seconds=1)
    Upload.objects.filter(pk=told["id"]).update(expires_at=past)

    assert_problem(
        alice.call("POST", "/uploads", declaration(HELLO), **key), 409, "invalid_state"
    )


def test_a_repeated_start_gives_no_url_for_a_cancelled_upload(alice: Person) -> None:
    # Cancelled space is free again: a fresh URL for it would be space for nothing.
    key = {"Idempotency-Key": "again"}
    told = alice.call("POST", "/uploads", declaration(HELLO), **key).json()
    alice.call("DELETE", f"/uploads/{told['id']}")

    again = alice.call("POST", "/uploads", declaration(HELLO), **key).json()

    assert (again["state"], again["request"]) == ("cancelled", None)


def test_a_url_is_no_good_for_the_upload_beside_it(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    # The signature of one's own small file must not open one's own large one.
    first, second = alice.start(), alice.start()
    wire = first.wire(HELLO).with_url(first.row.key, second.row.key)

    assert send_raw(wire).status == 403
    assert seaweed_bucket.head_object(second.row.key) is None


def test_a_part_goes_into_no_other_multipart_upload(alice: Person, bob: Person) -> None:
    # A part in a neighbour's file would be content they never sent.
    mine, theirs = bob.start_parts(5), alice.start_parts(5)
    wire = bob.part(mine, 1, HELLO)

    for bent in (
        wire.with_url(mine.row.multipart_id, theirs.row.multipart_id),
        wire.with_url(mine.row.key, theirs.row.key),
        wire.with_url(mine.row.multipart_id, theirs.row.multipart_id).with_url(
            mine.row.key, theirs.row.key
        ),
    ):
        assert send_raw(bent).status in {403, 404}
    assert alice.call("GET", f"/uploads/{theirs.id}/parts").json()["parts"] == []


def test_no_part_beyond_the_plan_is_presigned(alice: Person) -> None:
    # Each part beyond the plan is up to 5 GiB that nothing has reserved.
    started = alice.start_parts(5)

    for number in (0, 2, 10_000, 10_001, -1):
        with case(number):
            parts = {"parts": [{"part_number": number, "checksum_sha256": sha256(b"")}]}
            answer = alice.call("POST", f"/uploads/{started.id}/parts", parts)
            assert_problem(answer, 422, "invalid_request")


def test_a_part_is_as_long_as_the_plan_says(alice: Person) -> None:
    # Ten thousand parts of one byte too many would be beyond any quota.
    wire = alice.part(alice.start_parts(5), 1, HELLO)

    assert send_raw(wire.with_body(HELLO + b"!")).status == 403


@pytest.mark.parametrize(
    "name", ["acl", "x-amz-meta-owner", "x-amz-tagging", "x-amz-storage-class", "key"]
)
def test_a_form_takes_no_field_of_the_attackers(
    alice: Person, seaweed_bucket: Bucket, name: str
) -> None:
    # A form's fields are the request: one more is one more permission.
    started = alice.start(transport="post")
    request = started.told["request"]
    fields = {**request["fields"], name: "public-read"}

    answer = send_raw(form(request["url"], fields, HELLO))

    if name == "acl":
        # SeaweedFS ignores it; S3 refuses it. Either way nothing is published.
        assert (
            send_raw(Wire("GET", f"{request['url']}/{started.row.key}", {})).status
            == 403
        )
    else:
        assert answer.status in {400, 403}
        assert seaweed_bucket.head_object(started.row.key) is None


def test_a_forms_policy_leaves_nothing_open(alice: Person) -> None:
    # A starts-with on the key or the type has been the hole of every second form.
    fields = alice.start(transport="post", filename="x${filename}").told["request"][
        "fields"
    ]
    conditions = json.loads(base64.b64decode(fields["policy"]))["conditions"]

    assert ["content-length-range", 5, 5] in conditions
    kinds = {item[0] for item in conditions if isinstance(item, list)}
    assert kinds == {"eq", "content-length-range"}
    assert "${filename}" not in json.dumps(conditions)
    assert "success_action_redirect" not in fields


@pytest.mark.parametrize("encoding", ["gzip", "x" * 300])
def test_bytes_that_would_change_on_the_way_are_rejected(
    alice: Person, encoding: str
) -> None:
    # No signature can forbid this header, and every download would obey it.
    started = alice.start()
    wire = started.wire(HELLO).with_header("Content-Encoding", encoding)
    assert send_raw(wire).status == 200

    told = alice.call("POST", f"/uploads/{started.id}/complete").json()

    assert told["state"] == "rejected"
    assert len(told["rejected_reason"]) <= 255


def test_a_hostile_header_value_is_text_in_the_reason(alice: Person) -> None:
    # The reason repeats what the attacker sent, and the owner's page shows it.
    started = alice.start()
    evil = "<img src=x onerror=alert(1)>"
    assert (
        send_raw(started.wire(HELLO).with_header("Content-Encoding", evil)).status
        == 200
    )
    alice.call("POST", f"/uploads/{started.id}/complete")

    page = alice.browser.get(f"/uploads/{started.id}/").content.decode()

    assert started.row.state == State.REJECTED
    assert evil not in page
    assert "&lt;img src=x" in page


def test_the_bucket_tells_strangers_nothing(alice: Person, settings: Settings) -> None:
    # Keys are secrets of 160 bits only as long as nobody can list them.
    alice.upload()

    for query in ("", "?list-type=2", "?uploads", "?acl", "?policy"):
        with case(query):
            url = f"{settings.S3_ENDPOINT_URL}/slipway{query}"
            assert send_raw(Wire("GET", url, {})).status == 403


def test_an_object_needs_a_signature(alice: Person, settings: Settings) -> None:
    # A key that leaks, from a log or a backup, must not be a download.
    started = alice.upload()

    url = f"{settings.S3_ENDPOINT_URL}/slipway/{started.row.key}"

    assert send_raw(Wire("GET", url, {})).status == 403
