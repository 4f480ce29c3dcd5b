"""Attacks on a site with several S3 endpoints (UPLOADS_S3_PUBLIC_ENDPOINTS)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.attacks.people import HELLO, MIB, Person, Started
from tests.bucket.stores import send_raw
from uploads.s3.bucket import Bucket

if TYPE_CHECKING:
    from pytest_django import Settings

FIRST, SECOND = "127.0.0.1", "localhost"


@pytest.fixture(autouse=True)
def _two_hosts(seaweed_bucket: Bucket, settings: Settings) -> None:
    further = settings.S3_ENDPOINT_URL.replace(FIRST, SECOND)
    settings.UPLOADS = {**settings.UPLOADS, "S3_PUBLIC_ENDPOINTS": [further]}


def start_on(person: Person, host: str) -> Started:
    """Start uploads until the URL of one has this host."""
    for _ in range(60):
        started = person.start(HELLO)
        if urlsplit(started.received["request"]["url"]).hostname == host:
            return started
    raise AssertionError(f"None of 60 URLs has the host {host}.")


@pytest.mark.parametrize(("host", "other"), [(FIRST, SECOND), (SECOND, FIRST)])
def test_url_of_one_host_is_refused_at_another(
    alice: Person, seaweed_bucket: Bucket, host: str, other: str
) -> None:
    started = start_on(alice, host)
    raw_request = started.raw_request(HELLO)

    assert send_raw(raw_request.with_url(f"//{host}", f"//{other}")).status == 403
    assert send_raw(raw_request.with_header("Host", "evil.example")).status == 403
    assert seaweed_bucket.head_object(started.row.key) is None
    assert send_raw(raw_request).status == 200
    # Both hosts serve one bucket, so the URL has been used on both.
    assert send_raw(raw_request).status == 412


def test_request_cannot_choose_the_host_of_urls(alice: Person) -> None:
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    answer = alice.call("POST", "/uploads", {}, **forged)
    assert answer.status_code == 400

    upload = alice.start_parts(5 * MIB, 5 * MIB, part_size=5 * MIB)
    hosts = [
        urlsplit(alice.part(upload, number, bytes(5 * MIB)).url).hostname
        for number in (1, 2, 1, 2)
    ]

    assert hosts == [FIRST, SECOND, FIRST, SECOND]


def test_downloads_stay_on_the_first_host(alice: Person) -> None:
    for _ in range(4):
        started = alice.upload(HELLO)
        path = f"/uploads/{started.id}/download"
        for headers in ({}, {"X-Forwarded-Host": SECOND}):
            answer = alice.call("GET", path, **headers)
            assert urlsplit(answer["Location"]).hostname == FIRST
