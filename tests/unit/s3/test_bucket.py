"""Test errors of S3 with a server that gives prepared answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.config import Config

from uploads.errors import (
    ChecksumRefused,
    CompletionConflict,
    NoSuchMultipartUpload,
    ObjectExists,
    PartsRefused,
    StorageUnavailable,
)
from uploads.s3.bucket import (
    Bucket,
    Part,
)

PART = Part(1, 5, '"etag"')
EMPTY: tuple[int, str] = (200, "")


def error(status: int, code: str) -> tuple[int, str]:
    return status, f"<Error><Code>{code}</Code><Message>no</Message></Error>"


def opened(multipart_id: str) -> tuple[int, str]:
    name = "InitiateMultipartUploadResult"
    return 200, f"<{name}><UploadId>{multipart_id}</UploadId></{name}>"


def part_entry(number: int, etag: str, second: int, inner: str = "") -> str:
    return (
        f"<Part><PartNumber>{number}</PartNumber><Size>5</Size><ETag>{etag}</ETag>"
        f"<LastModified>2026-11-21T07:23:{second:02}.000Z</LastModified>{inner}</Part>"
    )


def listed(inner: str = "") -> tuple[int, str]:
    return 200, f"<ListPartsResult>{inner}</ListPartsResult>"


class FakeS3:
    """An S3 server that gives prepared answers, and records its requests."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: list[tuple[int, str]] = []
        self.recorded: list[tuple[str, dict[str, str], str]] = []

    @property
    def requests(self) -> list[str]:
        return [request for request, _, _ in self.recorded]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake_s3: ClassVar[FakeS3]

    def handle_request(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        parts = urlsplit(self.path)
        names = sorted(parse_qs(parts.query, keep_blank_values=True))
        request = " ".join([self.command, parts.path, *names])
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.fake_s3.recorded.append((request, headers, body.decode()))
        status, text = self.fake_s3.answers.pop(0)
        self.send_response(status)
        if self.command == "HEAD":
            text = ""
        elif status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self.handle_request
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        """Suppress the log. The tests read the recorded requests."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}"
    listening.shutdown()
    thread.join()
    listening.server_close()


@pytest.fixture
def fake_s3(server: str) -> Iterator[FakeS3]:
    Handler.fake_s3 = FakeS3(server)
    yield Handler.fake_s3
    assert Handler.fake_s3.answers == [], (
        "The site sent fewer requests than the test expected."
    )


@lru_cache(maxsize=8)
def client_at(url: str, attempts: int) -> Any:
    return boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=60,
            read_timeout=60,
            retries={"mode": "standard", "total_max_attempts": attempts},
        ),
    )


def bucket_at(url: str, *, attempts: int = 1, owner: str = "") -> Bucket:
    return Bucket(client=client_at(url, attempts), name="b", expected_owner=owner)


VERBS: dict[str, Callable[[Bucket], object]] = {
    "check": lambda b: b.check(),
    "head_object": lambda b: b.head_object("k"),
    "read_range": lambda b: b.read_range("k", 0, 1),
    "create": lambda b: b.create_multipart_upload("k", content_type="a/b"),
    "list_parts": lambda b: b.list_parts("k", "m"),
    "complete": lambda b: b.complete_multipart_upload("k", "m", [PART], byte_size=5),
    "abort": lambda b: b.abort_multipart_upload("k", "m"),
    "delete_object": lambda b: b.delete_object("k"),
    "list_objects": lambda b: list(b.list_objects("")),
    "list_uploads": lambda b: list(b.list_multipart_uploads("")),
}

verbs = pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)


@pytest.fixture(scope="module")
def unused_port_url() -> Iterator[str]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bind the port, but do not listen
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@verbs
def test_unreachable_server_raises_storage_unavailable(
    unused_port_url: str, verb: Callable[[Bucket], object]
) -> None:
    with pytest.raises(StorageUnavailable):
        verb(bucket_at(unused_port_url))


@verbs
@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "AccessDenied"), (503, "SlowDown"), (500, "InternalError")],
)
def test_refused_request_raises_and_is_no_missing_object(
    fake_s3: FakeS3, verb: Callable[[Bucket], object], status: int, code: str
) -> None:
    fake_s3.answers = [error(status, code)]

    with pytest.raises(StorageUnavailable):
        verb(bucket_at(fake_s3.url))


@verbs
def test_requests_send_the_expected_owner_of_the_bucket(
    fake_s3: FakeS3, verb: Callable[[Bucket], object]
) -> None:
    fake_s3.answers = [error(403, "AccessDenied")]

    with pytest.raises(StorageUnavailable):
        verb(bucket_at(fake_s3.url, owner="123456789012"))

    [(_, headers, _)] = fake_s3.recorded
    assert headers["x-amz-expected-bucket-owner"] == "123456789012"


def test_request_is_retried_after_slow_down(fake_s3: FakeS3) -> None:
    fake_s3.answers = [error(503, "SlowDown"), EMPTY]

    bucket_at(fake_s3.url, attempts=2).check()

    assert fake_s3.requests == ["HEAD /b", "HEAD /b"]


def test_missing_object_in_an_existing_bucket_returns_none(fake_s3: FakeS3) -> None:
    fake_s3.answers = [(404, ""), EMPTY]

    assert bucket_at(fake_s3.url).head_object("k") is None


def test_missing_bucket_raises_instead_of_returning_none(fake_s3: FakeS3) -> None:
    fake_s3.answers = [(404, ""), (404, "")]

    with pytest.raises(StorageUnavailable):
        bucket_at(fake_s3.url).head_object("k")


def complete(url: str, part: Part = PART) -> None:
    bucket_at(url).complete_multipart_upload("k", "m", [part], byte_size=5)


@pytest.mark.parametrize(
    "body",
    [
        error(200, "InternalError")[1],
        '<?xml version="1.0"?>\n   \n' + error(200, "InternalError")[1],
        "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>",
        "",
        "   ",
    ],
    ids=["error", "error after blanks", "no ETag", "empty body", "only blanks"],
)
def test_completion_with_200_but_without_an_object_raises(
    fake_s3: FakeS3, body: str
) -> None:
    fake_s3.answers = [(200, body)]

    with pytest.raises(StorageUnavailable):
        complete(fake_s3.url)


@pytest.mark.parametrize(
    ("status", "code", "raised"),
    [
        (404, "NoSuchUpload", NoSuchMultipartUpload),
        (412, "PreconditionFailed", ObjectExists),
        (400, "InvalidPart", PartsRefused),
        (400, "InvalidPartOrder", PartsRefused),
        (400, "EntityTooSmall", PartsRefused),
        (400, "BadDigest", ChecksumRefused),
        (409, "ConditionalRequestConflict", CompletionConflict),
        (404, "NoSuchKey", NoSuchMultipartUpload),
        (404, "NoSuchBucket", StorageUnavailable),
    ],
)
def test_refused_completion_raises_the_error_of_its_code(
    fake_s3: FakeS3, status: int, code: str, raised: type[Exception]
) -> None:
    fake_s3.answers = [error(status, code)]

    with pytest.raises(raised) as caught:
        complete(fake_s3.url)

    assert type(caught.value) is raised


def test_completion_sends_the_header_if_none_match_the_size_and_checksums(
    fake_s3: FakeS3,
) -> None:
    name = "CompleteMultipartUploadResult"
    fake_s3.answers = [(200, f"<{name}><ETag>x</ETag></{name}>")]

    complete(fake_s3.url, Part(1, 5, '"etag"', "c2hh"))

    [(request, headers, body)] = fake_s3.recorded
    assert request == "POST /b/k uploadId"
    assert headers["if-none-match"] == "*"
    assert headers["x-amz-mp-object-size"] == "5"
    assert "<ETag>&quot;etag&quot;</ETag>" in body or '<ETag>"etag"</ETag>' in body
    assert "<ChecksumSHA256>c2hh</ChecksumSHA256>" in body
    assert "<PartNumber>1</PartNumber>" in body


def test_listed_parts_have_the_checksums_of_s3(fake_s3: FakeS3) -> None:
    checksum = "<ChecksumSHA256>c2hh</ChecksumSHA256>"
    fake_s3.answers = [listed(part_entry(1, "e", 0, checksum))]

    assert bucket_at(fake_s3.url).list_parts("k", "m") == [Part(1, 5, "e", "c2hh")]


def test_newer_entry_of_a_part_listed_twice_is_used(fake_s3: FakeS3) -> None:
    twice = [(2, "b", 1), (10, "d", 1), (1, "new", 3), (1, "old", 2), (2, "b", 1)]
    fake_s3.answers = [listed("".join(part_entry(*entry) for entry in twice))]

    parts = bucket_at(fake_s3.url).list_parts("k", "m")

    assert [(part.part_number, part.etag) for part in parts] == [
        (1, "new"),
        (2, "b"),
        (10, "d"),
    ]


def test_server_is_asked_only_once_whether_it_lists_checksums(fake_s3: FakeS3) -> None:
    list_with_checksums = listed("<ChecksumAlgorithm>SHA256</ChecksumAlgorithm>")
    fake_s3.answers = [opened("one"), list_with_checksums, opened("two")]
    bucket = bucket_at(fake_s3.url)

    ids = [bucket.create_multipart_upload("k", content_type="a/b") for _ in range(2)]

    assert ids == ["one", "two"]
    assert fake_s3.requests == [
        "POST /b/k uploads",
        "GET /b/k uploadId",
        "POST /b/k uploads",
    ]
    for request, headers, _ in fake_s3.recorded:
        if request.startswith("POST"):
            assert headers["x-amz-checksum-algorithm"] == "SHA256"
            assert headers["x-amz-checksum-type"] == "COMPOSITE"
            assert headers["content-disposition"] == "attachment"
            assert headers["content-type"] == "a/b"


def test_multipart_uploads_are_opened_without_checksums_if_the_server_lists_none(
    fake_s3: FakeS3,
) -> None:
    not_found = error(404, "NoSuchUpload")
    fake_s3.answers = [opened("one"), listed(), (204, ""), not_found, opened("two")]
    fake_s3.answers += [opened("three")]
    bucket = bucket_at(fake_s3.url)

    ids = [bucket.create_multipart_upload("k", content_type="a/b") for _ in range(2)]

    assert ids == ["two", "three"]
    with_algorithm = [
        "x-amz-checksum-algorithm" in headers
        for request, headers, _ in fake_s3.recorded
        if request == "POST /b/k uploads"
    ]
    assert with_algorithm == [True, False, False]


@pytest.mark.parametrize("code", ["NoSuchUpload", "NoSuchKey"])
def test_list_of_parts_of_an_unknown_multipart_upload_raises(
    fake_s3: FakeS3, code: str
) -> None:
    fake_s3.answers = [error(404, code)]

    with pytest.raises(NoSuchMultipartUpload):
        bucket_at(fake_s3.url).list_parts("k", "m")


@pytest.mark.parametrize("code", ["NoSuchUpload", "NoSuchKey"])
def test_abort_is_repeated_until_no_parts_are_left(fake_s3: FakeS3, code: str) -> None:
    fake_s3.answers = [(204, ""), listed(), (204, ""), error(404, code)]

    bucket_at(fake_s3.url).abort_multipart_upload("k", "m")

    assert (
        fake_s3.requests == ["DELETE /b/k uploadId", "GET /b/k max-parts uploadId"] * 2
    )


def test_abort_raises_if_parts_remain_after_some_attempts(fake_s3: FakeS3) -> None:
    fake_s3.answers = [(204, ""), listed()] * 5

    with pytest.raises(StorageUnavailable, match="has not deleted the parts"):
        bucket_at(fake_s3.url).abort_multipart_upload("k", "m")


def test_version_is_deleted_by_its_id(fake_s3: FakeS3) -> None:
    fake_s3.answers = [(204, "")]

    bucket_at(fake_s3.url).delete_object("k", version_id="v1")

    assert fake_s3.requests == ["DELETE /b/k versionId"]


def test_incomplete_answer_raises_storage_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer_half() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 206 OK\r\nContent-Length: 9\r\n\r\nhalf")

        thread = threading.Thread(target=answer_half)
        thread.start()
        bucket = bucket_at(f"http://127.0.0.1:{listener.getsockname()[1]}")

        with pytest.raises(StorageUnavailable):
            bucket.read_range("k", 0, 9)
        thread.join()
