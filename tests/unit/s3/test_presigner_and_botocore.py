"""Presigned URLs and forms are equal to those of botocore."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import botocore.credentials
import time_machine
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.generated_inputs import examples
from tests.support.presigning import (
    ENDPOINTS,
    IDENTITIES,
    NOW,
    Endpoint,
    botocore_client,
    presign_form,
    presigner_at,
)
from uploads.s3.content_disposition import Disposition, content_disposition
from uploads.s3.credentials import Credentials
from uploads.s3.signed import PartToSign

endpoints = st.sampled_from(ENDPOINTS)
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


def botocore_url(
    operation: str,
    parameters: dict[str, Any],
    *,
    endpoint: Endpoint,
    identity: Credentials,
    now: datetime,
    expires_in: int,
) -> str:
    with time_machine.travel(now, tick=False):
        url: str = botocore_client(endpoint, identity).generate_presigned_url(
            operation,
            Params={"Bucket": "my-bucket", **parameters},
            ExpiresIn=expires_in,
        )
    return url


@given(endpoints, identities, moments, keys, sizes, header_texts, header_texts, seconds)
@settings(max_examples=examples(150))
def test_put_url_equals_the_url_of_botocore(
    endpoint: Endpoint,
    identity: Credentials,
    now: datetime,
    key: str,
    byte_size: int,
    content_type: str,
    checksum: str,
    expires_in: int,
) -> None:
    signed = presigner_at(endpoint, identity, now).put_object(
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
        endpoint=endpoint,
        identity=identity,
        now=now,
        expires_in=expires_in,
    )


@given(
    endpoints,
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
def test_part_url_equals_the_url_of_botocore(
    endpoint: Endpoint,
    identity: Credentials,
    now: datetime,
    key: str,
    multipart_id: str,
    part_number: int,
    byte_size: int,
    checksum: str,
    expires_in: int,
) -> None:
    signed = presigner_at(endpoint, identity, now).upload_part(
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
        endpoint=endpoint,
        identity=identity,
        now=now,
        expires_in=expires_in,
    )


@given(
    endpoints,
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
def test_urls_of_a_batch_equal_the_urls_of_botocore(
    endpoint: Endpoint,
    identity: Credentials,
    now: datetime,
    key: str,
    multipart_id: str,
    parts: list[PartToSign],
    expires_in: int,
) -> None:
    signed = presigner_at(endpoint, identity, now).upload_parts(
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
            endpoint=endpoint,
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
    endpoints,
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
def test_download_url_equals_the_url_of_botocore(
    endpoint: Endpoint,
    identity: Credentials,
    now: datetime,
    key: str,
    filename: str,
    disposition: Disposition,
    content_type: str,
    version_id: str | None,
    expires_in: int,
) -> None:
    signed = presigner_at(endpoint, identity, now).get_object(
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
        endpoint=endpoint,
        identity=identity,
        now=now,
        expires_in=expires_in,
    )


@given(endpoints, identities, moments, keys, seconds)
@settings(max_examples=examples(150))
def test_form_equals_the_form_of_botocore(
    endpoint: Endpoint,
    identity: Credentials,
    now: datetime,
    key: str,
    expires_in: int,
) -> None:
    signed = presign_form(
        presigner_at(endpoint, identity, now), key=key, expires_in=expires_in
    )

    unsigned = {
        name: value
        for name, value in signed.fields.items()
        if name not in {"policy", "x-amz-signature"}
    }
    with time_machine.travel(now, tick=False):
        theirs = botocore_client(endpoint, identity).generate_presigned_post(
            "my-bucket", key, Fields=dict(unsigned), ExpiresIn=expires_in
        )
    assert signed.url == theirs["url"]
    assert unsigned == {
        name: value
        for name, value in theirs["fields"].items()
        if name not in {"policy", "x-amz-signature"}
    }


@given(
    endpoints,
    st.from_regex(r"[a-z]{2}(-[a-z]{2,9}){1,2}-[1-9]|auto", fullmatch=True),
    st.builds(Credentials, secrets_, secrets_, st.just("") | secrets_),
    moments,
    keys,
    sizes,
    header_texts,
    seconds,
)
@settings(max_examples=examples(150))
def test_signature_of_a_policy_equals_the_signature_of_botocore(
    endpoint: Endpoint,
    region: str,
    identity: Credentials,
    now: datetime,
    key: str,
    byte_size: int,
    checksum: str,
    expires_in: int,
) -> None:
    style, endpoint_url, _ = endpoint
    signed = presigner_at((style, endpoint_url, region), identity, now).post_object(
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
    # The policy signs every field of the form, so the sender cannot choose a field.
    policy = json.loads(base64.b64decode(signed.fields["policy"]))
    pinned = {name[1:]: value for _, name, value in policy["conditions"][2:]}
    sent = signed.fields.keys() - {"policy", "x-amz-signature"}
    assert pinned == {name: signed.fields[name] for name in sent}
    assert policy["conditions"][:2] == [
        {"bucket": "my-bucket"},
        ["content-length-range", byte_size, byte_size],
    ]


def test_signature_of_a_form_equals_the_signature_of_botocore() -> None:
    client = botocore_client(ENDPOINTS[0], IDENTITIES[1])
    signed = presign_form(presigner_at(identity=IDENTITIES[1]))

    with time_machine.travel(NOW, tick=False):
        theirs = client.generate_presigned_post("my-bucket", "uploads/a")
    ours = presigner_at(identity=IDENTITIES[1])._scope(900)[0]

    assert ours.sign(theirs["fields"]["policy"]) == theirs["fields"]["x-amz-signature"]
    assert ours.sign(signed.fields["policy"]) == signed.fields["x-amz-signature"]
