"""Test what presigned URLs sign, their lifetime, and the cost of signing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.presigning import (
    CHECKSUM,
    ENDPOINTS,
    IDENTITIES,
    NOW,
    botocore_client,
    presign_form,
    presigner_at,
)
from uploads.errors import StorageUnavailable
from uploads.s3.bucket import get_download_presigner, get_presigner
from uploads.s3.connection import AddressingStyle, browser_origin, storage_options
from uploads.s3.credentials import Credentials
from uploads.s3.presigner import Presigner
from uploads.s3.signed import PartToSign, SignedRequest


def put(presigner: Presigner, *, expires_in: int = 900) -> SignedRequest:
    return presigner.put_object(
        key="uploads/a",
        byte_size=5,
        content_type="text/plain",
        checksum_sha256=CHECKSUM,
        expires_in=expires_in,
    )


def query_of(url: str) -> dict[str, str]:
    return {name: value for name, [value] in parse_qs(urlsplit(url).query).items()}


def test_put_url_signs_all_facts_of_the_request() -> None:
    signed = put(presigner_at())

    assert signed.method == "PUT"
    assert query_of(signed.url)["X-Amz-SignedHeaders"] == (
        "content-disposition;content-length;content-type;host;"
        "if-none-match;x-amz-checksum-sha256"
    )
    assert signed.headers == {
        "Content-Type": "text/plain",
        "Content-Disposition": "attachment",
        "If-None-Match": "*",
        "x-amz-checksum-sha256": CHECKSUM,
    }


def test_policy_of_a_form_fixes_every_field_to_one_value() -> None:
    signed = presign_form(
        presigner_at(identity=IDENTITIES[1]), key="uploads/report${filename}"
    )

    policy = json.loads(base64.b64decode(signed.fields["policy"]))
    assert policy == {
        "expiration": "2026-11-21T07:38:42Z",
        "conditions": [
            {"bucket": "my-bucket"},
            ["content-length-range", 5, 5],
            ["eq", "$key", "uploads/report${filename}"],
            ["eq", "$Content-Type", "text/plain"],
            ["eq", "$Content-Disposition", "attachment"],
            ["eq", "$x-amz-checksum-algorithm", "SHA256"],
            ["eq", "$x-amz-checksum-sha256", CHECKSUM],
            ["eq", "$success_action_status", "201"],
            ["eq", "$x-amz-algorithm", "AWS4-HMAC-SHA256"],
            [
                "eq",
                "$x-amz-credential",
                "AKID/odd+key/20261121/eu-west-1/s3/aws4_request",
            ],
            ["eq", "$x-amz-date", "20261121T072342Z"],
            ["eq", "$x-amz-security-token", IDENTITIES[1].token],
        ],
    }
    pinned = {name[1:] for _, name, _ in policy["conditions"][2:]}
    assert signed.fields.keys() == pinned | {"policy", "x-amz-signature"}


@pytest.mark.parametrize(("requested", "lifetime"), [(1, 1), (900, 900), (86_400, 900)])
def test_lifetime_of_urls_is_at_most_15_minutes(requested: int, lifetime: int) -> None:
    signed = put(presigner_at(), expires_in=requested)

    assert query_of(signed.url)["X-Amz-Expires"] == str(lifetime)
    assert signed.expires_at == NOW.replace(microsecond=0) + timedelta(seconds=lifetime)
    assert (
        presign_form(presigner_at(), expires_in=requested).expires_at
        == signed.expires_at
    )


def test_url_expires_before_its_credentials() -> None:
    ending = Credentials("key", "secret", "token", NOW + timedelta(seconds=300))

    signed = put(presigner_at(identity=ending))

    assert query_of(signed.url)["X-Amz-Expires"] == "270"
    assert signed.expires_at == NOW.replace(microsecond=0) + timedelta(seconds=270)


@pytest.mark.parametrize("life", [-10, 0, 30])
def test_expired_credentials_sign_no_url(life: int) -> None:
    expired = Credentials("key", "secret", "token", NOW + timedelta(seconds=life))

    with pytest.raises(StorageUnavailable, match="have expired"):
        put(presigner_at(identity=expired))
    with pytest.raises(StorageUnavailable, match="have expired"):
        presign_form(presigner_at(identity=expired))


def test_signing_key_depends_on_the_day_and_the_secret() -> None:
    other_secret = Credentials(IDENTITIES[0].access_key, "another")

    urls = {
        put(presigner_at(now=NOW)).url.rpartition("=")[2],
        put(presigner_at(now=NOW + timedelta(days=1))).url.rpartition("=")[2],
        put(presigner_at(identity=other_secret)).url.rpartition("=")[2],
    }

    assert len(urls) == 3


@pytest.mark.slow
@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "cn-north-1"])
@pytest.mark.parametrize(
    ("endpoint_url", "addressing_style"),
    [
        ("", "virtual"),
        ("", "path"),
        ("https://s3.example.org:9000", "virtual"),
        ("https://s3.example.org:9000", "path"),
    ],
)
def test_presigned_urls_have_the_origin_that_the_page_policy_permits(
    region: str, endpoint_url: str, addressing_style: AddressingStyle, settings: Any
) -> None:
    options = storage_options(
        bucket="my-bucket",
        region=region,
        endpoint_url=endpoint_url,
        addressing_style=addressing_style,
        access_key="key",
        secret_key="secret",
        session_token="",
    )
    settings.STORAGES = {
        "uploads": {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
    }

    origin = browser_origin(
        bucket="my-bucket",
        region=region,
        endpoint_url=endpoint_url,
        addressing_style=addressing_style,
    )
    assert get_presigner().origin == origin
    assert get_download_presigner().origin == origin


@pytest.mark.slow
def test_signing_many_parts_is_quick() -> None:
    # botocore needs seconds of CPU time to sign 10,000 parts.
    parts = [PartToSign(number, 5, CHECKSUM) for number in range(1, 501)]
    presigner = presigner_at()

    def ours() -> None:
        presigner.upload_parts(key="k", multipart_id="m", parts=parts, expires_in=900)

    def botocores() -> None:
        for part in parts[:50]:
            botocore_client(ENDPOINTS[0], IDENTITIES[0]).generate_presigned_url(
                "upload_part",
                Params={
                    "Bucket": "my-bucket",
                    "Key": "k",
                    "UploadId": "m",
                    "PartNumber": part.part_number,
                    "ContentLength": part.byte_size,
                    "ChecksumSHA256": part.checksum,
                },
            )

    def two_hashes() -> None:
        for _ in parts:
            hashlib.sha256(b"r" * 590).hexdigest()
            hmac.digest(b"k" * 32, b"s" * 133, "sha256").hex()

    for act in (ours, botocores, two_hashes):
        act()
    times = {act: min(cpu_seconds(act) for _ in range(7)) for act in (ours, botocores)}
    bound = min(cpu_seconds(two_hashes) for _ in range(7))

    assert times[botocores] * len(parts) / 50 > 50 * times[ours]
    assert times[ours] < 2 * bound


def cpu_seconds(act: Callable[[], None]) -> float:
    started = time.thread_time()
    act()
    return time.thread_time() - started
