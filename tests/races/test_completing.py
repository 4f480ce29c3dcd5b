"""Many complete one upload at the same moment."""

from __future__ import annotations

from typing import Any

import pytest

from tests.races.files import MIB, declare, send
from tests.races.threads import at_once
from uploads import lifecycle
from uploads.lifecycle import quota
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.states import State, Transport

pytestmark = pytest.mark.usefixtures("agreeing")

TWO_PARTS = b"two parts " * (16 * MIB // 10 + 1)


def complete_in_32_threads(upload: Upload) -> list[Any]:
    """Let each thread read the row for itself, as each request does."""
    return at_once(
        lambda: lifecycle.complete(Upload.objects.get(pk=upload.pk)).state, threads=32
    )


def times(upload: Upload, kind: str) -> int:
    return upload.events.filter(kind=kind).count()


@pytest.mark.parametrize(
    ("content", "transport"),
    [
        (b"hello", Transport.PUT),
        (b"hello", Transport.MULTIPART),
        (TWO_PARTS, Transport.MULTIPART),
    ],
    ids=["put", "one part", "two parts"],
)
def test_32_completions_give_one_ready_one_event_one_charge(
    alice: Any, bucket: Bucket, content: bytes, transport: Transport
) -> None:
    upload = lifecycle.start(
        owner=alice, declaration=declare(content, transport=transport)
    )
    send(upload, content)

    states = complete_in_32_threads(upload)

    assert states == [State.READY] * 32
    assert times(upload, "upload.inspecting") == 1
    assert times(upload, "upload.ready") == 1
    now = quota.usage(alice)
    assert (now.used_bytes, now.file_count) == (len(content), 1)
    assert (now.reserved_bytes, now.reserved_files) == (0, 0)
    facts = bucket.head_object(upload.key)
    assert facts is not None
    assert facts.byte_size == len(content)


@pytest.mark.parametrize("transport", [Transport.PUT, Transport.MULTIPART])
def test_32_completions_of_what_is_refused_all_learn_that_it_is(
    alice: Any, bucket: Bucket, transport: Transport
) -> None:
    content = b"MZ\x90\x00" + bytes(60)
    upload = lifecycle.start(
        owner=alice,
        declaration=declare(content, transport=transport, content_type="image/png"),
    )
    send(upload, content)

    states = complete_in_32_threads(upload)

    assert states == [State.REJECTED] * 32
    assert times(upload, "upload.rejected") == 1
    now = quota.usage(alice)
    assert (now.used_bytes, now.reserved_bytes) == (0, 0)
    assert bucket.head_object(upload.key) is None
