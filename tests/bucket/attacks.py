"""Changes of presigned requests that S3 must refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from tests.bucket.stores import (
    BODY,
    CONTENT_TYPE,
    OTHER_BODY,
    RawRequest,
    Store,
    sha256,
)
from uploads.s3.bucket import Part

SECRET = b"what only the worker may read"


@dataclass(frozen=True)
class Attack:
    """A changed request, with the expected answers of S3 and of moto.

    An expected 500 means that moto raises an exception.
    """

    name: str
    change: Callable[[RawRequest], RawRequest]
    status: int = 403
    on_moto: int = 200

    def answer_expected_of(self, store: Store) -> int:
        return self.on_moto if store.name == "moto" else self.status


def with_header(name: str, value: str, **answers: Any) -> Attack:
    return Attack(f"added {name}", lambda w: w.with_header(name, value), **answers)


def with_query(text: str, **answers: Any) -> Attack:
    return Attack(
        f"appended {text}", lambda w: replace(w, url=f"{w.url}&{text}"), **answers
    )


def other_signature(raw_request: RawRequest) -> RawRequest:
    last = "1" if raw_request.url.endswith("0") else "0"
    return replace(raw_request, url=raw_request.url[:-1] + last)


ON_PUT_AND_PART = [
    Attack("other key", lambda w: w.with_url("/uploads/", "/uploads/0")),
    Attack("short body", lambda w: w.with_body(w.body[:-1])),
    Attack("long body", lambda w: w.with_body(w.body + b"!")),
    Attack("empty body", lambda w: w.with_body(b"")),
    Attack("other body", lambda w: w.with_body(OTHER_BODY), status=400),
    Attack(
        "other body with its own checksum",
        lambda w: w.with_body(OTHER_BODY).with_header(
            "x-amz-checksum-sha256", sha256(OTHER_BODY)
        ),
    ),
    Attack("no checksum", lambda w: w.without_header("x-amz-checksum-sha256")),
    Attack("body without a length", lambda w: w.in_chunks(), on_moto=500),
    Attack("other signature", other_signature),
    Attack("longer life", lambda w: w.with_url("Expires=900", "Expires=90000")),
    with_header("x-amz-acl", "public-read"),
    with_header("x-amz-tagging", "GuardDutyMalwareScanStatus=NO_THREATS_FOUND"),
    with_header("x-amz-website-redirect-location", "https://evil.example"),
    with_header("x-amz-meta-owner", "somebody"),
    with_header("x-amz-server-side-encryption", "AES256"),
    with_header("x-amz-checksum-crc32", "AAAAAA=="),
    with_header(
        "x-amz-content-sha256",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        status=400,
        on_moto=500,
    ),
    with_query("X-Amz-Expires=900"),
    with_query("versionId=x"),
    with_query("response-content-type=text/html", on_moto=403),
]


def named(attacks: list[Attack]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("attack", attacks, ids=lambda attack: attack.name)


def long_ago() -> time_machine.travel:
    """Set the signing time to the past, so that the URL expired a few seconds ago."""
    return time_machine.travel(datetime.now(UTC) - timedelta(seconds=905))


def start_multipart(store: Store) -> tuple[str, str]:
    key = store.new_key()
    return key, store.bucket.create_multipart_upload(key, content_type=CONTENT_TYPE)


def store_object(store: Store, body: bytes = BODY) -> str:
    key = store.new_key()
    assert store.send(store.put(key, body)).status == 200
    return key


def send_parts(
    store: Store, key: str, multipart_id: str, bodies: list[bytes]
) -> list[Part]:
    for number, body in enumerate(bodies, start=1):
        assert store.send(store.part(key, multipart_id, number, body)).status == 200
    return list(store.bucket.list_parts(key, multipart_id))


def download(store: Store, key: str, *, signer: bool = False) -> RawRequest:
    presigner = store.presigner if signer else store.download_presigner
    signed = presigner.get_object(
        key=key,
        filename='Grüße "aus" ../Köln\u202e.png',
        content_type="application/octet-stream",
        disposition="attachment",
        expires_in=60,
    )
    return RawRequest("GET", signed.url, signed.headers)
