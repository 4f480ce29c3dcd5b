"""Our requests for objects are equal to those of boto3."""

from __future__ import annotations

from typing import Any
from unittest import mock

import boto3
import pytest
import time_machine
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials as BotoCredentials
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.session import Session as CoreSession

from tests.support.storage_faults import count_s3_calls
from tests.unit.s3.test_bucket import (
    FakeS3,
    Handler,
    bucket_at,
    error,
    fake_s3,
    server,
    unused_port_url,
)
from uploads.errors import StorageUnavailable
from uploads.s3.bucket import Bucket
from uploads.s3.prefetch import prefetch_objects

__all__ = ["fake_s3", "server", "unused_port_url"]  # fixtures

KEY = "uploads/3f/3f9c0d6f7a1e4b0c 9d~ü"
OWNER = "123456789012"
PLACES = [
    ("virtual", "", "eu-west-1"),
    ("virtual", "", "us-east-1"),
    ("virtual", "", "cn-north-1"),
    ("path", "", "eu-west-1"),
    ("virtual", "https://s3.example.org:9443", "auto"),
    ("path", "http://s3.example.org:80", "us-east-1"),
    ("path", "https://gateway.example.org/s3", "us-east-1"),
    ("virtual", "http://127.0.0.1:8333", "us-east-1"),
    ("path", "http://[::1]:8333", "us-east-1"),
]
READS: list[tuple[str, str, dict[str, str], dict[str, str]]] = [
    (
        "head_object",
        "HeadObject",
        {"ChecksumMode": "ENABLED"},
        {"x-amz-checksum-mode": "ENABLED"},
    ),
    (
        "get_object",
        "GetObject",
        {"Range": "bytes=0-99", "IfMatch": '"etag"'},
        {"range": "bytes=0-99", "if-match": '"etag"'},
    ),
]


def client_for(style: str, endpoint: str, region: str, **config: Any) -> Any:
    addressing: Any = {"addressing_style": style}
    return boto3.client(
        "s3",
        region_name=region,
        endpoint_url=endpoint or None,
        aws_access_key_id="AKID/odd+key",
        aws_secret_access_key="schlüssel",
        aws_session_token="IQoJb3//+=&token==",
        config=Config(
            signature_version="s3v4",
            s3=addressing,
            response_checksum_validation="when_required",
            retries={"mode": "standard", "total_max_attempts": 2},
            **config,
        ),
    )


def sent_by(client: Any, act: Any) -> AWSPreparedRequest:
    """Return the request that ``act`` would send."""
    sent: list[AWSPreparedRequest] = []

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        sent.append(request)
        raw: Any = mock.Mock(
            read=lambda *_: b"", stream=lambda *_, **__: iter(()), closed=False
        )
        headers: Any = {}
        return AWSResponse(request.url, 200, headers, raw)

    client.meta.events.register("before-send.s3", answer)
    act()
    client.meta.events.unregister("before-send.s3", answer)
    return sent[-1]


def text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


@pytest.mark.parametrize(("style", "endpoint", "region"), PLACES)
@pytest.mark.parametrize(("verb", "operation", "options", "headers"), READS)
def test_request_equals_the_request_of_boto3(
    style: str,
    endpoint: str,
    region: str,
    verb: str,
    operation: str,
    options: dict[str, str],
    headers: dict[str, str],
) -> None:
    client = client_for(style, endpoint, region)
    bucket = Bucket(client=client, name="my-bucket", expected_owner=OWNER)
    with time_machine.travel("2026-11-21T07:23:42Z", tick=False):
        theirs = sent_by(
            client, lambda: getattr(client, verb)(**bucket.target, Key=KEY, **options)
        )
        ours = sent_by(
            client, lambda: bucket.requests.send(operation, KEY, headers=headers)
        )
        sent = {name: text(value) for name, value in ours.headers.items()}
        again = AWSRequest(ours.method, ours.url, headers=_unsigned(sent))
        signer = S3SigV4Auth(
            BotoCredentials("AKID/odd+key", "schlüssel", "IQoJb3//+=&token=="),
            "s3",
            _region_of(text(theirs.headers["Authorization"])),
        )
        signer.add_auth(again)

    assert (ours.method, ours.url) == (theirs.method, theirs.url)
    assert sent["Authorization"] == again.headers["Authorization"]
    expected = {name.lower(): text(value) for name, value in theirs.headers.items()}
    for name in ("x-amz-expected-bucket-owner", "x-amz-security-token", *headers):
        assert sent[name] == expected[name]


def _unsigned(headers: dict[str, str]) -> dict[str, str]:
    added = {"Authorization", "User-Agent", "x-amz-content-sha256", "x-amz-date"}
    return {name: value for name, value in headers.items() if name not in added}


def _region_of(authorization: str) -> str:
    return authorization.partition("Credential=")[2].split("/")[-3]


@pytest.mark.parametrize("status", [500, 503])
def test_transient_failure_is_retried_as_often_as_by_boto3(
    fake_s3: FakeS3,
    status: int,
) -> None:
    fake_s3.answers = [error(status, "SlowDown")] * 3

    with (
        mock.patch("uploads.s3.requesting.time.sleep") as pause,
        pytest.raises(StorageUnavailable),
    ):
        bucket_at(fake_s3.url, attempts=3).read_range("k", 0, 1)

    assert pause.call_count == 2


def test_lost_connection_is_retried_and_raises_the_error_of_boto3(
    unused_port_url: str,
) -> None:
    with (
        mock.patch("uploads.s3.requesting.time.sleep") as pause,
        pytest.raises(EndpointConnectionError),
    ):
        bucket_at(unused_port_url, attempts=3).requests.send("HeadObject", "k")

    assert pause.call_count == 2


def test_refusal_is_sent_once_and_keeps_the_code_of_s3(
    fake_s3: FakeS3,
) -> None:
    fake_s3.answers = [error(403, "AccessDenied")]

    with pytest.raises(ClientError) as caught:
        bucket_at(fake_s3.url, attempts=3).requests.send("GetObject", "k")

    assert caught.value.response["Error"]["Code"] == "AccessDenied"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert caught.value.operation_name == "GetObject"


def test_requests_share_one_connection(
    fake_s3: FakeS3,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connections: list[Any] = []
    setup = Handler.setup

    def count(handler: Handler) -> None:
        connections.append(handler)
        setup(handler)

    monkeypatch.setattr(Handler, "setup", count)
    fake_s3.answers = [(206, "0123456789"), error(404, "NoSuchKey"), (206, "01234")]
    client = client_for("path", fake_s3.url, "us-east-1")
    bucket = Bucket(client=client, name="b")

    assert bucket.read_range("k", 0, 10) == b"0123456789"
    with pytest.raises(StorageUnavailable):
        bucket.read_range("k", 0, 10)
    assert bucket.read_range("k", 0, 10) == b"01234"

    assert len(connections) == 1


def test_requests_go_through_the_proxy_of_the_client(
    fake_s3: FakeS3,
) -> None:
    fake_s3.answers = [(206, "0123")]
    client = client_for(
        "path", "http://s3.example.org", "us-east-1", proxies={"http": fake_s3.url}
    )

    assert Bucket(client=client, name="b").read_range("k", 0, 4) == b"0123"
    assert fake_s3.recorded[0][1]["host"] == "s3.example.org"


def test_refreshed_credentials_sign_the_next_request() -> None:
    core = CoreSession()
    now = BotoCredentials("first", "secret")
    core.get_credentials = lambda **_: now  # type: ignore[method-assign]
    client = boto3.Session(botocore_session=core, region_name="eu-west-1").client("s3")
    bucket = Bucket(client=client, name="b")

    def signer() -> str:
        request = sent_by(client, lambda: bucket.requests.send("HeadObject", "k"))
        return text(request.headers["Authorization"]).split("=")[1].split("/")[0]

    assert signer() == "first"
    now.access_key = "second"
    assert signer() == "second"


@pytest.mark.parametrize(
    ("byte_size", "expected_calls"),
    [
        (0, {"HeadObject": 1}),
        (100, {"GetObject": 1}),
        (101, {"HeadObject": 1, "GetObject": 1}),
    ],
)
def test_facts_and_bytes_of_an_object_need_few_requests(
    bucket: Bucket, byte_size: int, expected_calls: dict[str, int]
) -> None:
    content = bytes(byte_size)
    bucket.client.put_object(
        Bucket=bucket.name, Key="k", Body=content, ChecksumAlgorithm="SHA256"
    )

    with count_s3_calls(bucket) as calls:
        seen = prefetch_objects(bucket, ["k"], head_bytes=100, sizes={"k": byte_size})

    assert calls == expected_calls
    assert seen["k"].head == content[:100]
    facts = seen["k"].facts
    assert facts is not None
    assert facts.byte_size == byte_size
    assert facts.checksum_sha256


def test_head_request_is_sent_if_the_answer_to_get_has_no_checksum(
    bucket: Bucket,
) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key="k", Body=b"0123")

    with count_s3_calls(bucket) as calls:
        prefetch_objects(bucket, ["k"], head_bytes=100, sizes={"k": 4})

    assert calls == {"GetObject": 1, "HeadObject": 1}
