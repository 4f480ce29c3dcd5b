"""Many threads complete an upload of a plain form at the same time."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.bucket.stores import form, send_raw
from tests.races.threads import at_once, race
from uploads import lifecycle
from uploads.errors import InvalidState
from uploads.lifecycle import quota
from uploads.lifecycle.reconciliation import reconcile
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.s3.signed import SignedPost
from uploads.states import State
from uploads.upkeep.sweeper import sweep

pytestmark = pytest.mark.usefixtures("check_consistency")

HELLO = b"hello"
REDIRECT = "http://testserver/arrived/"


def start_form_upload(owner: Any, byte_size: int = 1000) -> tuple[Upload, SignedPost]:
    upload = lifecycle.start_form(
        owner=owner,
        byte_size=byte_size,
        filename="notes.txt",
        idempotency_key=uuid.uuid4().hex,
    )
    return upload, lifecycle.presign_form(upload, redirect_url=REDIRECT)


def send(signed: SignedPost, content: bytes) -> None:
    assert send_raw(form(signed.url, signed.fields, content)).status == 303


def charged(owner: Any) -> tuple[int, int, int, int]:
    now = quota.usage(owner)
    return now.used_bytes, now.reserved_bytes, now.file_count, now.reserved_files


def times(upload: Upload, kind: str) -> int:
    return upload.events.filter(kind=kind).count()


def test_16_completions_of_a_form_give_one_event_and_use_the_quota_once(
    alice: Any, bucket: Bucket
) -> None:
    upload, signed = start_form_upload(alice)
    send(signed, HELLO)

    states = at_once(
        lambda: lifecycle.advance(Upload.objects.get(pk=upload.pk)).state, threads=16
    )

    # While one thread inspects, the remaining threads get `inspecting` at once.
    assert set(states) <= {State.READY, State.INSPECTING}
    assert State.READY in states
    assert times(upload, "upload.inspecting") == 1
    assert times(upload, "upload.ready") == 1
    assert charged(alice) == (len(HELLO), 0, 1, 0)
    assert bucket.read_range(upload.key, 0, 100) == HELLO


def test_16_completions_while_the_form_is_sent_again_give_one_file(
    alice: Any, bucket: Bucket
) -> None:
    upload, signed = start_form_upload(alice)
    send(signed, HELLO)

    def complete() -> State:
        return reconcile(Upload.objects.get(pk=upload.pk))

    def send_again() -> None:
        for size in range(20):
            send(signed, b"x" * size)

    race([complete] * 16 + [send_again] * 2)
    lifecycle.advance(upload)
    sweep()

    upload.refresh_from_db()
    assert upload.state == State.READY
    facts = bucket.head_object(upload.key)
    assert facts is not None
    assert (facts.byte_size, facts.etag) == (upload.byte_size, upload.etag)
    assert charged(alice) == (facts.byte_size, 0, 1, 0)


def test_form_submitted_16_times_concurrently_reserves_once(
    alice: Any, bucket: Bucket
) -> None:
    def start() -> Any:
        return lifecycle.start_form(
            owner=alice, byte_size=1000, filename="", idempotency_key="once"
        ).pk

    assert len(set(at_once(start, threads=16))) == 1
    assert charged(alice) == (0, 1000, 0, 1)


@pytest.mark.parametrize("end", ["cancel", "expire"])
def test_cancel_or_expiry_during_completions_leaves_consistent_state(
    alice: Any, bucket: Bucket, end: str
) -> None:
    upload, signed = start_form_upload(alice)
    send(signed, HELLO)

    def complete() -> Any:
        return lifecycle.advance(Upload.objects.get(pk=upload.pk)).state

    def finish() -> Any:
        row = Upload.objects.get(pk=upload.pk)
        if end == "cancel":
            return lifecycle.remove(row)
        return lifecycle.expire(row, reason="a test")

    results = race([complete] * 8 + [finish])

    upload.refresh_from_db()
    completions = results[:8]
    ready = [result for result in completions if result == State.READY]
    assert all(
        isinstance(result, InvalidState)
        for result in completions
        if result not in ready
    )
    if upload.state == State.READY:
        assert charged(alice) == (len(HELLO), 0, 1, 0)
    else:
        assert charged(alice) == (0, 0, 0, 0)
        # If a call has seen the upload ready, the upload can only have been deleted
        # afterwards. It cannot have been cancelled or have expired.
        assert upload.state == State.DELETED or not ready
