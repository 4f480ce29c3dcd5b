"""Reused presigned URLs, and objects that change between two checks."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.attacks.people import HELLO, MIB, OTHER, Person, Started, assert_problem
from tests.bucket.stores import Answer, form, send_raw, sha256
from tests.support.storage_faults import count_s3_calls
from uploads.errors import PartsRefused
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.states import State
from uploads.upkeep.sweeper import sweep

PROGRAM = b"MZ\x90\x00" + bytes(60)


def expire_urls(started: Started) -> None:
    past = timezone.now() - timedelta(hours=2)
    Upload.objects.filter(pk=started.id).update(urls_expire_at=past, checked_at=None)


def replay(started: Started, content: bytes = HELLO) -> Answer:
    return send_raw(started.raw_request(content))


@pytest.mark.parametrize("body", [HELLO, OTHER], ids=["same", "other"])
def test_stored_file_cannot_be_overwritten_by_its_url(
    alice: Person, seaweed_bucket: Bucket, body: bytes
) -> None:
    # The site must always serve the bytes that it has inspected.
    started = alice.upload()

    assert replay(started, body).status in {400, 412}
    assert alice.download(started).body == HELLO


def test_form_sent_again_writes_only_the_same_bytes(alice: Person) -> None:
    # S3 has no If-None-Match for forms, so only the checksum protects the object.
    started = alice.start(transport="post")
    request = started.received["request"]
    assert send_raw(form(request["url"], request["fields"], HELLO)).status == 201
    assert (
        alice.call("POST", f"/uploads/{started.id}/complete").json()["state"] == "ready"
    )

    for more in ({}, {"Content-Encoding": "gzip"}, {"Expires": "0"}):
        fields = {**request["fields"], **more}
        assert send_raw(form(request["url"], fields, OTHER)).status == 400
        # SeaweedFS ignores an additional field, AWS refuses it.
        assert send_raw(form(request["url"], fields, HELLO)).status in {201, 403}
        assert alice.download(started).body == HELLO


def test_sweeper_deletes_an_object_put_after_a_delete(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    # S3 accepts the PUT, because the key is free again. The sweeper must delete the
    # object.
    started = alice.upload()
    alice.call("DELETE", f"/uploads/{started.id}")
    assert replay(started).status == 200

    assert_problem(
        alice.call("GET", f"/uploads/{started.id}/download"), 409, "invalid_state"
    )
    assert_problem(
        alice.call("POST", f"/uploads/{started.id}/complete"), 409, "invalid_state"
    )
    expire_urls(started)
    sweep()
    assert seaweed_bucket.head_object(started.row.key) is None


def test_sweeper_deletes_an_object_put_after_a_rejection(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    # Otherwise the rejected content would be stored again.
    started = alice.upload(PROGRAM)
    assert started.row.state == State.REJECTED
    assert replay(started, PROGRAM).status == 200

    received = alice.call("POST", f"/uploads/{started.id}/complete").json()

    assert received["state"] == "rejected"
    expire_urls(started)
    sweep()
    assert seaweed_bucket.head_object(started.row.key) is None


def test_sweeper_deletes_bytes_sent_after_a_cancel(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    # The cancel has released the quota, so no quota counts later bytes.
    started = alice.start()
    alice.call("DELETE", f"/uploads/{started.id}")
    assert replay(started).status == 200

    expire_urls(started)
    sweep()

    assert seaweed_bucket.head_object(started.row.key) is None
    assert started.row.state == State.CANCELLED


def test_sweeper_checks_the_key_again_after_the_url_has_expired(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    # An attacker may send the bytes after a sweep.
    started = alice.start()
    alice.call("DELETE", f"/uploads/{started.id}")
    sweep()
    assert replay(started).status == 200

    expire_urls(started)
    sweep()

    assert seaweed_bucket.head_object(started.row.key) is None


def test_empty_file_cannot_be_replaced_by_content(alice: Person) -> None:
    # An empty file passes every inspection. The site would serve content in its place
    # without an inspection.
    started = alice.upload(b"")

    assert replay(started, PROGRAM).status == 403
    assert alice.download(started).body == b""


def test_part_of_a_completed_upload_is_refused(alice: Person) -> None:
    # An accepted part would change a verified file.
    started = alice.start_parts(len(HELLO))
    raw_request = alice.part(started, 1, HELLO)
    assert send_raw(raw_request).status == 200
    assert (
        alice.call("POST", f"/uploads/{started.id}/complete").json()["state"] == "ready"
    )

    assert send_raw(raw_request).status == 404
    assert alice.download(started).body == HELLO


def test_part_after_a_cancel_is_refused(alice: Person) -> None:
    # S3 bills parts of an aborted multipart upload, but does not list them as objects.
    started = alice.start_parts(len(HELLO))
    raw_request = alice.part(started, 1, HELLO)
    alice.call("DELETE", f"/uploads/{started.id}")

    assert send_raw(raw_request).status == 404


def test_part_replaced_before_the_completion_is_not_accepted(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    # The client has two valid URLs for one part, with different checksums. If the
    # client replaces the part after the site has listed it, the object must not get the
    # new bytes.
    started = alice.start_parts(len(HELLO))
    bad, good = (alice.part(started, 1, body) for body in (OTHER, HELLO))
    assert send_raw(good).status == 200
    row = started.row
    listed = seaweed_bucket.list_parts(row.key, row.multipart_id)
    assert send_raw(bad).status == 200

    # AWS refuses this completion. SeaweedFS still has the part with the listed ETag and
    # uses it.
    with suppress(PartsRefused):
        seaweed_bucket.complete_multipart_upload(
            row.key, row.multipart_id, listed, byte_size=row.byte_size
        )
        stored = seaweed_bucket.read_range(row.key, 0, 100)
        assert stored == HELLO
    received = alice.call("POST", f"/uploads/{started.id}/complete").json()
    assert received["state"] == "ready"


def test_part_with_a_wrong_size_prevents_the_completion(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    # The site must notice a part of a wrong size that an attacker stored with stolen
    # credentials.
    started = alice.start_parts(len(HELLO))
    row = started.row
    seaweed_bucket.client.upload_part(
        Bucket=seaweed_bucket.name,
        Key=row.key,
        UploadId=row.multipart_id,
        PartNumber=1,
        Body=b"!",
    )

    answer = alice.call("POST", f"/uploads/{started.id}/complete")

    assert assert_problem(answer, 409, "incomplete")["missing_parts"] == [1]


@pytest.mark.parametrize(
    "planted",
    [
        {"Body": b"hello, and more"},
        {"Body": OTHER},
        {"Body": HELLO, "ContentType": "text/html"},
    ],
    ids=["longer", "other", "other type"],
)
def test_object_stored_without_our_url_is_rejected(
    alice: Person, seaweed_bucket: Bucket, planted: dict[str, Any]
) -> None:
    # The site must serve no object that an attacker stored with stolen credentials.
    started = alice.start()
    seaweed_bucket.client.put_object(
        **{"ContentType": "text/plain", **planted},
        Bucket=seaweed_bucket.name,
        Key=started.row.key,
    )

    received = alice.call("POST", f"/uploads/{started.id}/complete").json()

    assert received["state"] == "rejected"


def test_object_without_a_checksum_is_read_back(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    started = alice.start()
    seaweed_bucket.client.put_object(
        Bucket=seaweed_bucket.name,
        Key=started.row.key,
        Body=HELLO,
        ContentType="text/plain",
    )

    received = alice.call("POST", f"/uploads/{started.id}/complete").json()

    assert (received["state"], received["checksum_verified_by"]) == (
        "ready",
        "readback",
    )


def test_bytes_of_an_earlier_declaration_are_rejected(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    # The bytes must match the last declared SHA-256 of a part.
    started = alice.start_parts(len(HELLO))
    first, _ = (alice.part(started, 1, body) for body in (HELLO, OTHER))
    assert send_raw(first).status == 200

    received = alice.call("POST", f"/uploads/{started.id}/complete").json()

    assert received["state"] == "rejected"


def test_complete_ignores_facts_in_the_request(
    alice: Person, subtests: pytest.Subtests
) -> None:
    # The site must not use a client's claims about the object.
    path = f"/api/v1/uploads/{alice.start().id}/complete"

    for content in (b"{}", b'{"key": "uploads/x", "byte_size": 1}', b"!"):
        with subtests.test(content=content):
            answer = alice.browser.post(path, content, content_type="application/json")
            assert_problem(answer, 409, "incomplete")


@pytest.mark.parametrize("state", [State.CANCELLED, State.DELETED, State.REJECTED])
def test_upload_never_leaves_a_final_state(
    alice: Person, state: State, subtests: pytest.Subtests
) -> None:
    # Otherwise an upload could release its quota twice.
    if state == State.CANCELLED:
        started = alice.start()
        alice.call("DELETE", f"/uploads/{started.id}")
    else:
        started = alice.upload(PROGRAM if state == State.REJECTED else HELLO)
        if state == State.DELETED:
            alice.call("DELETE", f"/uploads/{started.id}")
    parts = {"parts": [{"part_number": 1, "checksum_sha256": sha256(HELLO)}]}

    for method, tail, body in (
        ("POST", "/complete", parts),
        ("POST", "/parts", parts),
        ("PATCH", "", {"filename": "x"}),
    ):
        with subtests.test(method=method, tail=tail):
            alice.call(method, f"/uploads/{started.id}{tail}", body)
            assert started.row.state == state
            assert started.row.filename == "hello.txt"


def test_ended_upload_opens_no_multipart_upload(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    # Otherwise each call would create and abort a multipart upload at S3.
    started = alice.start_parts(MIB)
    alice.call("DELETE", f"/uploads/{started.id}")
    Upload.objects.filter(pk=started.id).update(multipart_id="", purged_at=None)
    parts = {"parts": [{"part_number": 1, "checksum_sha256": sha256(b"")}]}

    with count_s3_calls(seaweed_bucket) as asked:
        answer = alice.call("POST", f"/uploads/{started.id}/parts", parts)

    assert_problem(answer, 409, "invalid_state")
    assert asked == {}
