"""Upload URLs use all host names of the bucket, and each URL is signed for its host."""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine

from uploads.s3.bucket import get_bucket, get_download_presigner, get_presigner
from uploads.s3.identities import presigner_of
from uploads.s3.presigner import Presigner
from uploads.s3.signed import ObjectToSign, PartToSign, SignedRequest
from uploads.s3.spreading import SpreadPresigner

FIRST, SECOND, THIRD = (f"https://s3-{name}.example.org" for name in "abc")
HASH = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="


@pytest.fixture(autouse=True)
def endpoints(settings: Any) -> None:
    settings.S3_PUBLIC_ENDPOINT_URL = FIRST
    further = [SECOND, THIRD]
    settings.UPLOADS = {**settings.UPLOADS, "S3_PUBLIC_ENDPOINTS": further}


def host_of(request: SignedRequest) -> str:
    return f"https://{urlsplit(request.url).hostname}"


def parts(presigner: Presigner, numbers: list[int]) -> list[SignedRequest]:
    wanted = [PartToSign(number, 5, HASH) for number in numbers]
    return presigner.upload_parts(
        key="k", multipart_id="m", parts=wanted, expires_in=60
    )


def test_neighbouring_parts_have_different_hosts() -> None:
    hosts = [host_of(request) for request in parts(get_presigner(), [1, 2, 3, 4, 5])]

    assert len(set(hosts[:3])) == 3
    assert hosts[3:] == hosts[:2]


def test_new_urls_for_parts_have_the_same_hosts_in_the_requested_order() -> None:
    presigner = get_presigner()
    first = {
        number: host_of(request)
        for number, request in zip([1, 2, 3], parts(presigner, [1, 2, 3]), strict=True)
    }

    again = parts(presigner, [3, 1])

    assert [host_of(request) for request in again] == [first[3], first[1]]
    assert ["partNumber=3&" in request.url for request in again] == [True, False]


@pytest.mark.parametrize("turn", [0, 1, 2])
def test_url_is_signed_for_its_own_host(settings: Any, turn: int) -> None:
    spread = get_presigner()
    assert isinstance(spread, SpreadPresigner)
    with time_machine.travel("2026-11-29T12:00Z", tick=False):
        of_all = parts(spread, [1, 2, 3])[turn]
        settings.UPLOADS = {**settings.UPLOADS, "S3_PUBLIC_ENDPOINTS": []}
        settings.S3_PUBLIC_ENDPOINT_URL = [FIRST, SECOND, THIRD][turn]
        [alone] = parts(get_presigner(), [turn + 1])

    assert of_all == alone


def test_single_puts_are_distributed_over_the_hosts_by_key() -> None:
    presigner = get_presigner()
    hosts = Counter(
        host_of(
            presigner.put_object(
                key=f"uploads/{number}",
                byte_size=5,
                content_type="a/b",
                checksum_sha256=HASH,
                expires_in=60,
            )
        )
        for number in range(300)
    )

    assert len(hosts) == 3
    assert min(hosts.values()) > 60


def test_forms_of_the_page_are_distributed_over_the_hosts_by_key() -> None:
    presigner = get_presigner()
    declared: Any = {"byte_size": 5, "content_type": "a/b", "checksum_sha256": HASH}
    keys = [f"uploads/{number}" for number in range(300)]
    forms = [presigner.post_object(key=k, **declared, expires_in=60) for k in keys]
    puts = [presigner.put_object(key=k, **declared, expires_in=60) for k in keys]
    hosts = [urlsplit(form.url).hostname for form in forms]

    assert len(set(hosts)) == 3
    assert hosts == [urlsplit(put.url).hostname for put in puts]


def test_requests_of_a_batch_equal_single_requests_in_the_same_order() -> None:
    presigner = get_presigner()
    objects = [
        ObjectToSign(f"100%s/{number} ü", number, f"a/%{number}", f"%d{HASH}")
        for number in range(20)
    ]
    singles: list[dict[str, Any]] = [
        {
            "key": key,
            "byte_size": size,
            "content_type": kind,
            "checksum_sha256": checksum,
            "expires_in": 60,
        }
        for key, size, kind, checksum in objects
    ]

    with time_machine.travel(0, tick=False):
        puts = presigner.put_objects(objects, expires_in=60)
        forms = presigner.post_objects(objects, expires_in=60)
        assert puts == [presigner.put_object(**single) for single in singles]
        assert forms == [presigner.post_object(**single) for single in singles]


def test_downloads_and_plain_forms_use_the_first_host() -> None:
    download = get_download_presigner().get_object(
        key="k",
        filename="a",
        content_type="a/b",
        disposition="attachment",
        expires_in=60,
    )
    form = get_presigner().plain_form(
        key="k", max_bytes=5, redirect_url="https://example.org/", expires_in=60
    )

    assert "s3-a.example.org" in download.url
    assert "s3-a.example.org" in form.url


def test_server_itself_uses_one_endpoint() -> None:
    ours = presigner_of("uploads", get_bucket().client, as_server=True)

    assert type(ours) is Presigner


def test_urls_have_one_host_if_no_further_endpoints_are_set(settings: Any) -> None:
    settings.UPLOADS = {**settings.UPLOADS, "S3_PUBLIC_ENDPOINTS": []}

    assert type(get_presigner()) is Presigner
