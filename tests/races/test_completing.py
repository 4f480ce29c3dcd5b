"""Many threads complete one upload at the same time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.races.files import MIB, declare, send
from tests.races.threads import at_once, race
from tests.support.archives import scattered
from tests.support.builders import let_time_pass
from uploads import lifecycle
from uploads.lifecycle import quota
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.s3.checksums import CRC64NVME
from uploads.states import State, Transport
from uploads.upkeep.intake import take_in
from uploads.upkeep.sweeper import sweep

pytestmark = pytest.mark.usefixtures("check_consistency")

TWO_PARTS = b"two parts " * (16 * MIB // 10 + 1)


def complete_in_32_threads(upload: Upload) -> list[Any]:
    """Complete the upload in 32 threads.

    Each thread reads the row itself, as a request does.
    """
    return at_once(
        lambda: lifecycle.advance(Upload.objects.get(pk=upload.pk)).state, threads=32
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
def test_32_completions_give_one_event_and_use_the_quota_once(
    alice: Any, bucket: Bucket, content: bytes, transport: Transport
) -> None:
    upload = lifecycle.start(
        owner=alice, declaration=declare(content, transport=transport)
    )
    send(upload, content)

    states = complete_in_32_threads(upload)

    # While one thread inspects, the remaining threads get `inspecting` at once.
    assert set(states) <= {State.READY, State.INSPECTING}
    assert State.READY in states
    assert times(upload, "upload.inspecting") == 1
    assert times(upload, "upload.ready") == 1
    now = quota.usage(alice)
    assert (now.used_bytes, now.file_count) == (len(content), 1)
    assert (now.reserved_bytes, now.reserved_files) == (0, 0)
    facts = bucket.head_object(upload.key)
    assert facts is not None
    assert facts.byte_size == len(content)


def test_page_sweeper_and_notification_settle_a_crc_upload_once(
    alice: Any, bucket: Bucket, settings: Any
) -> None:
    settings.UPLOADS = {**settings.UPLOADS, "CHECKSUM": "crc64nvme"}
    upload = lifecycle.start(
        owner=alice,
        declaration=declare(
            TWO_PARTS, checksum_sha256="", transport=Transport.MULTIPART
        ),
    )
    send(upload, TWO_PARTS, checksums=CRC64NVME)
    let_time_pass(minutes=20)
    entity = {"bucket": {"name": bucket.name}, "object": {"key": upload.key}}
    record = {"eventName": "ObjectCreated:CompleteMultipartUpload", "s3": entity}

    found = race(
        [
            lambda: lifecycle.advance(Upload.objects.get(pk=upload.pk)),
            sweep,
            lambda: take_in(json.dumps({"Records": [record]})),
        ]
        * 8
    )

    assert [error for error in found if isinstance(error, BaseException)] == []
    sweep()
    upload.refresh_from_db()
    assert upload.state == State.READY
    assert upload.checksum_crc64nvme == CRC64NVME.base64(TWO_PARTS)
    assert times(upload, "upload.ready") == 1
    assert quota.usage(alice).used_bytes == len(TWO_PARTS)


def test_eight_completions_of_one_archive_inspect_it_once(
    alice: Any, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = scattered(3000)
    upload = lifecycle.start(
        owner=alice,
        declaration=declare(content, filename="a.zip", content_type="application/zip"),
    )
    send(upload, content)
    asked: list[tuple[int, int]] = []
    read = Bucket.read_range

    def counted(self: Bucket, key: str, start: int, length: int, **etag: Any) -> bytes:
        asked.append((start, length))
        return read(self, key, start, length, **etag)

    monkeypatch.setattr(Bucket, "read_range", counted)

    states = at_once(
        lambda: lifecycle.advance(Upload.objects.get(pk=upload.pk)).state, threads=8
    )

    assert set(states) <= {State.READY, State.INSPECTING}
    assert times(upload, "upload.ready") == 1
    assert len(asked) == len(set(asked)), "Two threads have read the same range."
    assert Upload.objects.get().claimed_until is None


def test_one_of_eight_sweepers_inspects_a_waiting_upload(
    alice: Any, bucket: Bucket, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.UPLOADS = {**settings.UPLOADS, "INLINE_INSPECTION_READS": 1}
    content = scattered(3000)
    upload = lifecycle.start(
        owner=alice,
        declaration=declare(content, filename="a.zip", content_type="application/zip"),
    )
    send(upload, content)
    assert lifecycle.advance(upload).state == State.INSPECTING

    looked_at = at_once(lambda: sweep().looked_at, threads=8)

    assert sum(looked_at) == 1
    assert times(upload, "upload.ready") == 1


@pytest.mark.parametrize("transport", [Transport.PUT, Transport.MULTIPART])
def test_32_completions_of_a_rejected_file_all_report_the_rejection(
    alice: Any, bucket: Bucket, transport: Transport
) -> None:
    content = b"MZ\x90\x00" + bytes(60)
    upload = lifecycle.start(
        owner=alice,
        declaration=declare(content, transport=transport, content_type="image/png"),
    )
    send(upload, content)

    states = complete_in_32_threads(upload)

    assert set(states) <= {State.REJECTED, State.INSPECTING}
    assert State.REJECTED in states
    assert times(upload, "upload.rejected") == 1
    now = quota.usage(alice)
    assert (now.used_bytes, now.reserved_bytes) == (0, 0)
    assert bucket.head_object(upload.key) is None
