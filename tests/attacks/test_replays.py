"""Old URLs sent again, and bytes changed between two looks at them."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.attacks.people import HELLO, MIB, OTHER, Person, Started, assert_problem
from tests.bucket.stores import Answer, form, send_raw, sha256
from tests.support.stages import case
from tests.support.storage_faults import counted
from uploads.errors import PartsRefused
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.states import State
from uploads.upkeep.sweeper import sweep

PROGRAM = b"MZ\x90\x00" + bytes(60)


def let_urls_die(started: Started) -> None:
    dead = timezone.now() - timedelta(hours=2)
    Upload.objects.filter(pk=started.id).update(urls_expire_at=dead, checked_at=None)


def replay(started: Started, content: bytes = HELLO) -> Answer:
    return send_raw(started.wire(content))


@pytest.mark.parametrize("body", [HELLO, OTHER], ids=["same", "other"])
def test_a_stored_file_cannot_be_written_again(
    alice: Person, seaweed_bucket: Bucket, body: bytes
) -> None:
    # What was inspected must be what is served, for ever.
    started = alice.upload()

    assert replay(started, body).status in {400, 412}
    assert alice.download(started).body == HELLO


def test_a_form_sent_again_writes_the_same_bytes_only(alice: Person) -> None:
    # S3 knows no create-only form, so the checksum alone has to hold.
    started = alice.start(transport="post")
    request = started.told["request"]
    assert send_raw(form(request["url"], request["fields"], HELLO)).status == 201
    assert (
        alice.call("POST", f"/uploads/{started.id}/complete").json()["state"] == "ready"
    )

    for more in ({}, {"Content-Encoding": "gzip"}, {"Expires": "0"}):
        fields = {**request["fields"], **more}
        assert send_raw(form(request["url"], fields, OTHER)).status == 400
        # SeaweedFS overlooks a further field, S3 refuses it.
        assert send_raw(form(request["url"], fields, HELLO)).status in {201, 403}
        assert alice.download(started).body == HELLO


def test_a_file_that_was_deleted_does_not_come_back(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    # S3 takes the PUT, since the key is free again: the sweeper has to see to it.
    started = alice.upload()
    alice.call("DELETE", f"/uploads/{started.id}")
    assert replay(started).status == 200

    assert_problem(
        alice.call("GET", f"/uploads/{started.id}/download"), 409, "invalid_state"
    )
    assert_problem(
        alice.call("POST", f"/uploads/{started.id}/complete"), 409, "invalid_state"
    )
    let_urls_die(started)
    sweep()
    assert seaweed_bucket.head_object(started.row.key) is None


def test_a_file_that_was_rejected_does_not_come_back(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    # Otherwise a refusal would be a delay.
    started = alice.upload(PROGRAM)
    assert started.row.state == State.REJECTED
    assert replay(started, PROGRAM).status == 200

    told = alice.call("POST", f"/uploads/{started.id}/complete").json()

    assert told["state"] == "rejected"
    let_urls_die(started)
    sweep()
    assert seaweed_bucket.head_object(started.row.key) is None


def test_bytes_behind_a_cancel_are_swept_and_never_served(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    # Cancel gives the space back: bytes that land later have none.
    started = alice.start()
    alice.call("DELETE", f"/uploads/{started.id}")
    assert replay(started).status == 200

    let_urls_die(started)
    sweep()

    assert seaweed_bucket.head_object(started.row.key) is None
    assert started.row.state == State.CANCELLED


def test_a_sweep_before_the_url_dies_is_not_the_last_look(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    # An attacker may wait for the sweeper to pass, then send.
    started = alice.start()
    alice.call("DELETE", f"/uploads/{started.id}")
    sweep()
    assert replay(started).status == 200

    let_urls_die(started)
    sweep()

    assert seaweed_bucket.head_object(started.row.key) is None


def test_an_empty_file_cannot_be_filled_later(alice: Person) -> None:
    # Nothing passes every inspection; something in its place has passed none.
    started = alice.upload(b"")

    assert replay(started, PROGRAM).status == 403
    assert alice.download(started).body == b""


def test_a_part_of_a_completed_file_is_dead(alice: Person) -> None:
    # A part that still fits would change a file that was verified.
    started = alice.start_parts(len(HELLO))
    wire = alice.part(started, 1, HELLO)
    assert send_raw(wire).status == 200
    assert (
        alice.call("POST", f"/uploads/{started.id}/complete").json()["state"] == "ready"
    )

    assert send_raw(wire).status == 404
    assert alice.download(started).body == HELLO


def test_a_part_behind_a_cancel_is_refused(alice: Person) -> None:
    # Parts of an aborted upload are invisible and billed.
    started = alice.start_parts(len(HELLO))
    wire = alice.part(started, 1, HELLO)
    alice.call("DELETE", f"/uploads/{started.id}")

    assert send_raw(wire).status == 404


def test_a_part_swapped_between_list_and_completion_does_not_slip_in(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    # Two URLs for one part are both good: the second must not come in unlisted.
    started = alice.start_parts(len(HELLO))
    bad, good = (alice.part(started, 1, body) for body in (OTHER, HELLO))
    assert send_raw(good).status == 200
    row = started.row
    listed = seaweed_bucket.list_parts(row.key, row.multipart_id)
    assert send_raw(bad).status == 200

    # S3 refuses here; SeaweedFS has kept the part that the ETag names.
    with suppress(PartsRefused):
        seaweed_bucket.complete_multipart_upload(
            row.key, row.multipart_id, listed, byte_size=row.byte_size
        )
        stored = seaweed_bucket.read_range(row.key, 0, 100)
        assert stored == HELLO
    told = alice.call("POST", f"/uploads/{started.id}/complete").json()
    assert told["state"] == "ready"


def test_a_short_part_completes_nothing(alice: Person, seaweed_bucket: Bucket) -> None:
    # A part of another size, planted with stronger credentials, must be seen.
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
def test_an_object_that_came_another_way_is_rejected(
    alice: Person, seaweed_bucket: Bucket, planted: dict[str, Any]
) -> None:
    # Whoever gets hold of other credentials still gets nothing served here.
    started = alice.start()
    seaweed_bucket.client.put_object(
        **{"ContentType": "text/plain", **planted},
        Bucket=seaweed_bucket.name,
        Key=started.row.key,
    )

    told = alice.call("POST", f"/uploads/{started.id}/complete").json()

    assert told["state"] == "rejected"


def test_the_declared_bytes_without_a_checksum_are_read_back(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    started = alice.start()
    seaweed_bucket.client.put_object(
        Bucket=seaweed_bucket.name,
        Key=started.row.key,
        Body=HELLO,
        ContentType="text/plain",
    )

    told = alice.call("POST", f"/uploads/{started.id}/complete").json()

    assert (told["state"], told["checksum_verified_by"]) == ("ready", "readback")


def test_bytes_of_an_earlier_announcement_are_rejected(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    # The last announced SHA-256 of a part is the one that counts.
    started = alice.start_parts(len(HELLO))
    first, _ = (alice.part(started, 1, body) for body in (HELLO, OTHER))
    assert send_raw(first).status == 200

    told = alice.call("POST", f"/uploads/{started.id}/complete").json()

    assert told["state"] == "rejected"


def test_completion_believes_the_bucket_only(alice: Person) -> None:
    # What a body claims about the object must not be read at all.
    path = f"/api/v1/uploads/{alice.start().id}/complete"

    for content in (b"{}", b'{"key": "uploads/x", "byte_size": 1}', b"!"):
        with case(content):
            answer = alice.browser.post(path, content, content_type="application/json")
            assert_problem(answer, 409, "incomplete")


@pytest.mark.parametrize("state", [State.CANCELLED, State.DELETED, State.REJECTED])
def test_nothing_wakes_an_upload_that_is_over(alice: Person, state: State) -> None:
    # A final state that can be left would give its quota back twice.
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
        with case(method, tail):
            alice.call(method, f"/uploads/{started.id}{tail}", body)
            assert started.row.state == state
            assert started.row.filename == "hello.txt"


def test_an_upload_that_was_never_opened_is_not_opened_behind_its_end(
    alice: Person, seaweed_bucket: Bucket
) -> None:
    # Each such call was a multipart upload begun and aborted at S3, for the asking.
    started = alice.start_parts(MIB)
    alice.call("DELETE", f"/uploads/{started.id}")
    Upload.objects.filter(pk=started.id).update(multipart_id="", purged_at=None)
    parts = {"parts": [{"part_number": 1, "checksum_sha256": sha256(b"")}]}

    with counted(seaweed_bucket) as asked:
        answer = alice.call("POST", f"/uploads/{started.id}/parts", parts)

    assert_problem(answer, 409, "invalid_state")
    assert asked == {}
