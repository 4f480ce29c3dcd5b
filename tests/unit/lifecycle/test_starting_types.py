"""The type that S3 stores is safe, whichever way an upload is opened."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.builders import MIB, declare
from uploads import lifecycle
from uploads.errors import Incomplete
from uploads.lifecycle import assembling
from uploads.lifecycle.policy import policy_for
from uploads.s3.bucket import Bucket

BYTES = "application/octet-stream"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, bucket: Bucket) -> list[str]:
    """The content types of all multipart uploads that S3 is asked to open."""
    asked: list[str] = []

    def create(self: Bucket, key: str, *, content_type: str, **_: object) -> str:
        asked.append(content_type)
        return f"id {len(asked)}"

    monkeypatch.setattr(Bucket, "create_multipart_upload", create)
    return asked


def test_parts_of_a_page_are_stored_as_bytes_also_when_opened_again(
    alice: Any, bucket: Bucket, opened: list[str]
) -> None:
    declaration = declare(b"", byte_size=20 * MIB, content_type="text/html")
    upload = lifecycle.start(owner=alice, declaration=declaration)

    with pytest.raises(Incomplete):
        assembling._open_again(bucket, upload)

    assert opened == [BYTES, BYTES]


@pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml"])
def test_each_of_a_batch_is_signed_as_bytes(
    alice: Any, bucket: Bucket, content_type: str
) -> None:
    wanted = [lifecycle.Wanted(declare(b"a", content_type=content_type))] * 2

    started = lifecycle.start_many(owner=alice, wanted=wanted, policy=policy_for(alice))

    for one in started:
        assert one.request is not None
        assert getattr(one.request, "headers")["Content-Type"] == BYTES  # noqa: B009
