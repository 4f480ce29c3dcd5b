from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import botocore.credentials
import pytest
import time_machine
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.chance import examples
from uploads.errors import StorageUnavailable
from uploads.s3.bucket import get_download_presigner, get_presigner
from uploads.s3.connection import AddressingStyle, browser_origin, storage_options
from uploads.s3.content_disposition import Disposition, content_disposition
from uploads.s3.credentials import Credentials
from uploads.s3.presigner import Presigner
from uploads.s3.signed import PartToSign, SignedPost, SignedRequest

Place = tuple[AddressingStyle, str, str]

NOW = datetime(2026, 11, 21, 7, 23, 42, 987_654, tzinfo=UTC)
CHECKSUM = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

# Addressing style, endpoint, region; the last two have no name to put the bucket before.
PLACES: list[Place] = [
    ("virtual", "https://s3.eu-west-1.amazonaws.com", "eu-west-1"),
    ("virtual", "https://s3.cn-north-1.amazonaws.com.cn", "cn-north-1"),
    ("virtual", "https://s3.example.org:9443", "auto"),
    ("virtual", "https://s3.example.org:443", "us-east-1"),
    ("path", "http://s3.example.org:80", "us-east-1"),
    ("path", "http://localhost:8333", "us-east-1"),
    ("path", "https://gateway.example.org/s3", "us-east-1"),
    ("path", "http://127.0.0.1:8333", "us-east-1"),
    ("virtual", "http://127.0.0.1:8333", "us-east-1"),
    ("path", "http://[::1]:8333", "us-east-1"),
]
IDENTITIES = [
    Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    Credentials("AKID/odd+key", "schlüssel", "IQoJb3JpZ2luX2VjE//+=&token=="),
]

places = st.sampled_from(PLACES)
identities = st.sampled_from(IDENTITIES)
moments = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
keys = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from(" +~/%&=?#'()*:;,@$!"),
    min_size=1,
    max_size=60,
)
multipart_ids = version_ids = keys
header_texts = st.text(
    st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=80
).filter(lambda text: text.strip())
secrets_ = st.text(
    st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60
)
sizes = st.integers(min_value=0, max_value=5 * 1024**3)
seconds = st.integers(min_value=1, max_value=900)


@lru_cache(maxsize=64)
def botocore_client(place: Place, identity: Credentials) -> Any:
    style, endpoint_url, region = place
    return boto3.client(
        "s3",
        region_name=region,
        endpoint_url=endpoint_url,
        aws_access_key_id=identity.access_key,
        aws_secret_access_key=identity.secret_key,
        aws_session_token=identity.token or None,
        config=Config(signature_version="s3v4", s3={"addressing_style": style}),
    )


def own(
    place: Place = PLACES[0],
    identity: Credentials = IDENTITIES[0],
    now: datetime = NOW,
) -> Presigner:
    style, endpoint_url, region = place
    return Presigner(
        bucket_name="my-bucket",
        region=region,
        endpoint_url=endpoint_url,
        addressing_style=style,
        credentials=lambda: identity,
        clock=lambda: now,
    )


def botocore_url(
    operation: str,
    parameters: dict[str, Any],
    *,
    place: Place,
    identity: Credentials,
    now: datetime,
    expires_in: int,
) -> str:
    with time_machine.travel(now, tick=False):
        url: str = botocore_client(place, identity).generate_presigned_url(
            operation,
            Params={"Bucket": "my-bucket", **parameters},
            ExpiresIn=expires_in,
        )
    return url


@given(places, identities, moments, keys, sizes, header_texts, header_texts, seconds)
@settings(max_examples=examples(150))
def test_a_put_url_is_botocores_byte_for_byte(
    place: Place,
    identity: Credentials,
    now: datetime,
    key: str,
    byte_size: int,
    content_type: str,
    checksum: str,
    expires_in: int,
) -> None:
    signed = own(place, identity, now).put_object(
        key=key,
        byte_size=byte_size,
        content_type=content_type,
        checksum_sha256=checksum,
        expires_in=expires_in,
    )

    assert signed.url == botocore_url(
        "put_object",
        {
            "Key": key,
            "ContentLength": byte_size,
            "ContentType": content_type,
            "ContentDisposition": "attachment",
            "IfNoneMatch": "*",
            "ChecksumSHA256": checksum,
        },
        place=place,
        identity=identity,
        now=now,
        expires_in=expires_in,
    )


@given(
    places,
    identities,
    moments,
    keys,
    multipart_ids,
    st.integers(1, 10_000),
    sizes,
    header_texts,
    seconds,
)
@settings(max_examples=examples(150))
def test_a_part_url_is_botocores_byte_for_byte(
    place: Place,
    identity: Credentials,
    now: datetime,
    key: str,
    multipart_id: str,
    part_number: int,
    byte_size: int,
    checksum: str,
    expires_in: int,
) -> None:
    signed = own(place, identity, now).upload_part(
        key=key,
        multipart_id=multipart_id,
        part_number=part_number,
        byte_size=byte_size,
        checksum_sha256=checksum,
        expires_in=expires_in,
    )

    assert signed.url == botocore_url(
        "upload_part",
        {
            "Key": key,
            "UploadId": multipart_id,
            "PartNumber": part_number,
            "ContentLength": byte_size,
            "ChecksumSHA256": checksum,
        },
        place=place,
        identity=identity,
        now=now,
        expires_in=expires_in,
    )


@given(
    places,
    identities,
    moments,
    keys,
    multipart_ids,
    st.lists(
        st.builds(PartToSign, st.integers(1, 10_000), sizes, header_texts), max_size=4
    ),
    seconds,
)
@settings(max_examples=examples(100))
def test_each_url_of_a_batch_is_botocores_byte_for_byte(
    place: Place,
    identity: Credentials,
    now: datetime,
    key: str,
    multipart_id: str,
    parts: list[PartToSign],
    expires_in: int,
) -> None:
    signed = own(place, identity, now).upload_parts(
        key=key, multipart_id=multipart_id, parts=parts, expires_in=expires_in
    )

    assert [one.url for one in signed] == [
        botocore_url(
            "upload_part",
            {
                "Key": key,
                "UploadId": multipart_id,
                "PartNumber": part.part_number,
                "ContentLength": part.byte_size,
                "ChecksumSHA256": part.checksum,
            },
            place=place,
            identity=identity,
            now=now,
            expires_in=expires_in,
        )
        for part in parts
    ]
    assert [one.headers for one in signed] == [
        {"x-amz-checksum-sha256": part.checksum} for part in parts
    ]


@given(
    places,
    identities,
    moments,
    keys,
    st.just("fürs Büro.pdf") | keys,
    st.sampled_from(["attachment", "inline"]),
    header_texts,
    st.none() | version_ids,
    seconds,
)
@settings(max_examples=examples(150))
def test_a_download_url_is_botocores_byte_for_byte(
    place: Place,
    identity: Credentials,
    now: datetime,
    key: str,
    filename: str,
    disposition: Disposition,
    content_type: str,
    version_id: str | None,
    expires_in: int,
) -> None:
    signed = own(place, identity, now).get_object(
        key=key,
        filename=filename,
        content_type=content_type,
        disposition=disposition,
        expires_in=expires_in,
        version_id=version_id,
    )

    assert signed.headers == {}
    assert signed.url == botocore_url(
        "get_object",
        {
            "Key": key,
            "ResponseContentDisposition": content_disposition(disposition, filename),
            "ResponseContentType": content_type,
            "ResponseCacheControl": "private",
            **({"VersionId": version_id} if version_id else {}),
        },
        place=place,
        identity=identity,
        now=now,
        expires_in=expires_in,
    )


@given(places, identities, moments, keys, seconds)
@settings(max_examples=examples(150))
def test_a_form_is_botocores(
    place: Place,
    identity: Credentials,
    now: datetime,
    key: str,
    expires_in: int,
) -> None:
    signed = post(own(place, identity, now), key=key, expires_in=expires_in)

    unsigned = {
        name: value
        for name, value in signed.fields.items()
        if name not in {"policy", "x-amz-signature"}
    }
    with time_machine.travel(now, tick=False):
        theirs = botocore_client(place, identity).generate_presigned_post(
            "my-bucket", key, Fields=dict(unsigned), ExpiresIn=expires_in
        )
    assert signed.url == theirs["url"]
    assert unsigned == {
        name: value
        for name, value in theirs["fields"].items()
        if name not in {"policy", "x-amz-signature"}
    }


@given(
    places,
    st.from_regex(r"[a-z]{2}(-[a-z]{2,9}){1,2}-[1-9]|auto", fullmatch=True),
    st.builds(Credentials, secrets_, secrets_, st.just("") | secrets_),
    moments,
    keys,
    sizes,
    header_texts,
    seconds,
)
@settings(max_examples=examples(150))
def test_a_policy_is_signed_as_botocore_signs_it(
    place: Place,
    region: str,
    identity: Credentials,
    now: datetime,
    key: str,
    byte_size: int,
    checksum: str,
    expires_in: int,
) -> None:
    style, endpoint_url, _ = place
    signed = own((style, endpoint_url, region), identity, now).post_object(
        key=key,
        byte_size=byte_size,
        content_type="text/plain",
        checksum_sha256=checksum,
        expires_in=expires_in,
    )

    signer = SigV4Auth(
        botocore.credentials.Credentials(
            identity.access_key, identity.secret_key, identity.token or None
        ),
        "s3",
        region,
    )
    request = AWSRequest()
    request.context["timestamp"] = now.strftime("%Y%m%dT%H%M%SZ")
    theirs = signer.signature(signed.fields["policy"], request)
    assert signed.fields["x-amz-signature"] == theirs
    assert signed.fields["x-amz-credential"] == signer.scope(request)
    assert signed.fields["x-amz-date"] == request.context["timestamp"]
    assert signed.fields.get("x-amz-security-token", "") == identity.token
    # What is signed is what is sent: no field is left to be chosen.
    policy = json.loads(base64.b64decode(signed.fields["policy"]))
    pinned = {name[1:]: value for _, name, value in policy["conditions"][2:]}
    sent = signed.fields.keys() - {"policy", "x-amz-signature"}
    assert pinned == {name: signed.fields[name] for name in sent}
    assert policy["conditions"][:2] == [
        {"bucket": "my-bucket"},
        ["content-length-range", byte_size, byte_size],
    ]


def put(presigner: Presigner, *, expires_in: int = 900) -> SignedRequest:
    return presigner.put_object(
        key="uploads/a",
        byte_size=5,
        content_type="text/plain",
        checksum_sha256=CHECKSUM,
        expires_in=expires_in,
    )


def post(
    presigner: Presigner, *, key: str = "uploads/a", expires_in: int = 900
) -> SignedPost:
    return presigner.post_object(
        key=key,
        byte_size=5,
        content_type="text/plain",
        checksum_sha256=CHECKSUM,
        expires_in=expires_in,
    )


def query_of(url: str) -> dict[str, str]:
    return {name: value for name, [value] in parse_qs(urlsplit(url).query).items()}


def test_a_put_url_signs_all_that_it_permits() -> None:
    signed = put(own())

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


def test_a_policy_pins_every_field_to_one_value() -> None:
    signed = post(own(identity=IDENTITIES[1]), key="uploads/report${filename}")

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


def test_the_signature_of_a_form_is_botocores() -> None:
    client = botocore_client(PLACES[0], IDENTITIES[1])
    signed = post(own(identity=IDENTITIES[1]))

    with time_machine.travel(NOW, tick=False):
        theirs = client.generate_presigned_post("my-bucket", "uploads/a")
    ours = own(identity=IDENTITIES[1])._scope(900)[0]

    assert ours.sign(theirs["fields"]["policy"]) == theirs["fields"]["x-amz-signature"]
    assert ours.sign(signed.fields["policy"]) == signed.fields["x-amz-signature"]


@pytest.mark.parametrize(("asked", "given_"), [(1, 1), (900, 900), (86_400, 900)])
def test_no_url_lives_longer_than_15_minutes(asked: int, given_: int) -> None:
    signed = put(own(), expires_in=asked)

    assert query_of(signed.url)["X-Amz-Expires"] == str(given_)
    assert signed.expires_at == NOW.replace(microsecond=0) + timedelta(seconds=given_)
    assert post(own(), expires_in=asked).expires_at == signed.expires_at


def test_no_url_outlives_the_credentials_behind_it() -> None:
    ending = Credentials("key", "secret", "token", NOW + timedelta(seconds=300))

    signed = put(own(identity=ending))

    assert query_of(signed.url)["X-Amz-Expires"] == "270"
    assert signed.expires_at == NOW.replace(microsecond=0) + timedelta(seconds=270)


@pytest.mark.parametrize("life", [-10, 0, 30])
def test_dead_credentials_sign_nothing(life: int) -> None:
    dead = Credentials("key", "secret", "token", NOW + timedelta(seconds=life))

    with pytest.raises(StorageUnavailable, match="have expired"):
        put(own(identity=dead))
    with pytest.raises(StorageUnavailable, match="have expired"):
        post(own(identity=dead))


def test_the_signing_key_changes_with_the_day_and_the_secret() -> None:
    other_secret = Credentials(IDENTITIES[0].access_key, "another")

    urls = {
        put(own(now=NOW)).url.rpartition("=")[2],
        put(own(now=NOW + timedelta(days=1))).url.rpartition("=")[2],
        put(own(identity=other_secret)).url.rpartition("=")[2],
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
def test_urls_point_to_the_origin_that_the_page_may_reach(
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
def test_a_batch_of_parts_costs_little_more_than_two_hashes() -> None:
    # A file of 10,000 parts should not keep the server busy: botocore takes seconds.
    parts = [PartToSign(number, 5, CHECKSUM) for number in range(1, 501)]
    presigner = own()

    def ours() -> None:
        presigner.upload_parts(key="k", multipart_id="m", parts=parts, expires_in=900)

    def botocores() -> None:
        for part in parts[:50]:
            botocore_client(PLACES[0], IDENTITIES[0]).generate_presigned_url(
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
