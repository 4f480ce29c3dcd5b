"""The embedded S3 server: the rights of its identities, and data after a kill."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from uploads.dev.s3_server import Identity, S3Server

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "slipway"
KEY = "uploads/there"
SOURCE = {"Bucket": BUCKET, "Key": KEY}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    server = S3Server(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.kill()


def client(server: S3Server, identity: Identity, *, attempts: int = 5) -> S3Client:
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=identity.access_key,
        aws_secret_access_key=identity.secret_key,
        config=Config(
            signature_version="s3v4",
            request_checksum_calculation="when_required",
            retries={"mode": "standard", "total_max_attempts": attempts},
        ),
    )


@pytest.fixture(scope="module")
def worker(server: S3Server) -> S3Client:
    worker = client(server, server.worker)
    worker.create_bucket(Bucket=BUCKET)
    worker.put_object(Bucket=BUCKET, Key=KEY, Body=b"here")
    return worker


@pytest.fixture(scope="module")
def signer(server: S3Server, worker: S3Client) -> S3Client:
    return client(server, server.signer)


@pytest.fixture(scope="module")
def multipart_id(worker: S3Client) -> str:
    return worker.create_multipart_upload(Bucket=BUCKET, Key=KEY)["UploadId"]


def put(url: str) -> int:
    request = urllib.request.Request(url, data=b"new", method="PUT")
    request.add_header("Content-Type", "text/plain")
    with urllib.request.urlopen(request) as response:
        return int(response.status)


def test_signer_may_put_an_object_and_a_part(
    signer: S3Client, multipart_id: str
) -> None:
    an_object = {"Bucket": BUCKET, "Key": "uploads/new", "ContentType": "text/plain"}
    a_part = {"Bucket": BUCKET, "Key": KEY, "UploadId": multipart_id, "PartNumber": 1}

    assert put(signer.generate_presigned_url("put_object", Params=an_object)) == 200
    assert put(signer.generate_presigned_url("upload_part", Params=a_part)) == 200


@pytest.mark.parametrize(
    ("verb", "parameters"),
    [
        ("put_object", {"Key": "elsewhere/new", "Body": b""}),
        ("get_object", {"Key": KEY}),
        ("head_object", {"Key": KEY}),
        ("delete_object", {"Key": KEY}),
        ("copy_object", {"Key": "uploads/copy", "CopySource": SOURCE}),
        ("list_objects_v2", {}),
        ("list_objects_v2", {"Prefix": "uploads/"}),
        ("list_multipart_uploads", {}),
        ("create_multipart_upload", {"Key": "uploads/big"}),
        ("list_parts", {"Key": KEY, "UploadId": ...}),
        ("abort_multipart_upload", {"Key": KEY, "UploadId": ...}),
        (
            "upload_part_copy",
            {"Key": KEY, "UploadId": ..., "PartNumber": 2, "CopySource": SOURCE},
        ),
        ("delete_bucket", {}),
    ],
)
def test_signer_has_no_other_rights(
    signer: S3Client, multipart_id: str, verb: str, parameters: dict[str, Any]
) -> None:
    given = {k: multipart_id if v is ... else v for k, v in parameters.items()}

    with pytest.raises(ClientError) as refusal:
        getattr(signer, verb)(Bucket=BUCKET, **given)

    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_worker_has_rights_only_on_its_bucket(worker: S3Client) -> None:
    assert worker.list_objects_v2(Bucket=BUCKET)["KeyCount"] > 0
    with pytest.raises(ClientError, match="AccessDenied"):
        worker.create_bucket(Bucket="another")


def test_stored_objects_are_readable_immediately_after_a_kill_and_restart(
    server: S3Server, worker: S3Client
) -> None:
    worker.put_object(Bucket=BUCKET, Key="uploads/kept", Body=b"still here")

    for _ in range(3):
        server.kill()
        server.start()

        without_retries = client(server, server.worker, attempts=1)
        answer = without_retries.get_object(Bucket=BUCKET, Key="uploads/kept")
        assert answer["Body"].read() == b"still here"


def test_two_servers_run_concurrently(
    server: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = S3Server(tmp_path_factory.mktemp("other"))
    other.start()
    try:
        assert other.returncode() is None
        assert server.returncode() is None
        assert other.endpoint_url != server.endpoint_url
    finally:
        other.kill()
