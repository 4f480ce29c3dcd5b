"""S3 stores a safe content type for every way to start an upload."""

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
    """Collect the content types of all multipart uploads that the site opens."""
    content_types: list[str] = []

    def create(self: Bucket, key: str, *, content_type: str, **_: object) -> str:
        content_types.append(content_type)
        return f"id {len(content_types)}"

    monkeypatch.setattr(Bucket, "create_multipart_upload", create)
    return content_types


def test_multipart_upload_of_a_web_page_is_opened_and_reopened_as_octet_stream(
    alice: Any, bucket: Bucket, opened: list[str]
) -> None:
    declaration = declare(b"", byte_size=20 * MIB, content_type="text/html")
    upload = lifecycle.start(owner=alice, declaration=declaration)

    with pytest.raises(Incomplete):
        assembling._open_again(bucket, upload)

    assert opened == [BYTES, BYTES]


@pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml"])
def test_web_pages_of_a_batch_are_signed_as_octet_stream(
    alice: Any, bucket: Bucket, content_type: str
) -> None:
    wanted = [lifecycle.Wanted(declare(b"a", content_type=content_type))] * 2

    started = lifecycle.start_many(owner=alice, wanted=wanted, policy=policy_for(alice))

    for one in started:
        assert one.request is not None
        assert getattr(one.request, "headers")["Content-Type"] == BYTES  # noqa: B009
