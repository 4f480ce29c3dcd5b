"""The two servers for tests of the contract, and raw requests to them."""

from __future__ import annotations

import base64
import hashlib
import http.client
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import requests

from uploads.s3.bucket import Bucket
from uploads.s3.keys import new_key
from uploads.s3.presigner import Presigner
from uploads.s3.signed import SignedPost, SignedRequest

BODY = b"exactly these bytes"
OTHER_BODY = b"just as many bytes!"
CONTENT_TYPE = "text/plain"
BOUNDARY = "d41d8cd98f00b204e9800998ecf8427e"
RESETS = 3


def sha256(body: bytes) -> str:
    """Return the SHA-256 in base64, as S3 expects it."""
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


@dataclass(frozen=True)
class RawRequest:
    """A raw request, which no HTTP client changes."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes = b""
    chunked: bool = False

    def with_header(self, name: str, value: str) -> RawRequest:
        return replace(self, headers={**self.headers, name: value})

    def without_header(self, name: str) -> RawRequest:
        kept = {key: value for key, value in self.headers.items() if key != name}
        assert kept != self.headers, f"The request has no header {name}."
        return replace(self, headers=kept)

    def with_url(self, old: str, new: str) -> RawRequest:
        assert old in self.url, f"The URL {self.url} does not contain {old}."
        return replace(self, url=self.url.replace(old, new))

    def with_body(self, body: bytes) -> RawRequest:
        return replace(self, body=body)

    def with_method(self, method: str) -> RawRequest:
        return replace(self, method=method)

    def in_chunks(self) -> RawRequest:
        return replace(self, chunked=True)


@dataclass(frozen=True)
class Answer:
    """The answer to a raw request."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300


def send_raw(raw_request: RawRequest) -> Answer:
    """Send a request over a new socket, and return the answer.

    A server may refuse a request before it has read the whole body. It then resets the
    connection, and the client may lose the answer. In this case, the request is sent
    again.
    """
    for _ in range(RESETS):
        with suppress(ConnectionError):
            return _send_once(raw_request)
    return _send_once(raw_request)


def _send_once(raw_request: RawRequest) -> Answer:
    parts = urlsplit(raw_request.url)
    connection = http.client.HTTPConnection(
        str(parts.hostname), parts.port, timeout=120
    )
    headers = dict(raw_request.headers)
    body: bytes | Iterator[bytes] = raw_request.body
    if raw_request.chunked:
        headers["Transfer-Encoding"] = "chunked"
        body = iter([raw_request.body])
    try:
        connection.request(
            raw_request.method,
            f"{parts.path}?{parts.query}" if parts.query else parts.path,
            body=body,
            headers=headers,
            encode_chunked=raw_request.chunked,
        )
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(), dict(answer.getheaders()))
    finally:
        connection.close()


def send_to_moto(raw_request: RawRequest) -> Answer:
    """Send by the library requests, which moto intercepts.

    Return 500 if moto raises.
    """
    try:
        answer = requests.request(
            raw_request.method,
            raw_request.url,
            headers=raw_request.headers,
            data=iter([raw_request.body]) if raw_request.chunked else raw_request.body,
            timeout=120,
            allow_redirects=False,
        )
    except Exception as error:  # noqa: BLE001  moto raises what its code stumbles over
        return Answer(500, str(error).encode(), {})
    return Answer(int(answer.status_code), answer.content, dict(answer.headers))


@dataclass(frozen=True)
class Store:
    """A server with a bucket, its two identities, and a function to send requests."""

    name: str
    bucket: Bucket
    presigner: Presigner
    download_presigner: Presigner
    signer: Bucket
    key_prefix: str
    send: Callable[[RawRequest], Answer]

    def new_key(self) -> str:
        return new_key(self.key_prefix)

    def put(
        self, key: str, body: bytes = BODY, *, content_type: str = CONTENT_TYPE
    ) -> RawRequest:
        """Return the presigned PUT that creates ``key``."""
        return _raw_request(
            self.presigner.put_object(
                key=key,
                byte_size=len(body),
                content_type=content_type,
                checksum_sha256=sha256(body),
                expires_in=900,
            ),
            body,
        )

    def part(
        self, key: str, multipart_id: str, part_number: int = 1, body: bytes = BODY
    ) -> RawRequest:
        """Return the presigned PUT that sends a part."""
        return _raw_request(
            self.presigner.upload_part(
                key=key,
                multipart_id=multipart_id,
                part_number=part_number,
                byte_size=len(body),
                checksum_sha256=sha256(body),
                expires_in=900,
            ),
            body,
        )

    def post(self, key: str, body: bytes = BODY) -> SignedPost:
        """Return the form that sends ``body`` to ``key``."""
        return self.presigner.post_object(
            key=key,
            byte_size=len(body),
            content_type=CONTENT_TYPE,
            checksum_sha256=sha256(body),
            expires_in=900,
        )

    def stored(self, key: str) -> bytes | None:
        """Return the content of the object under ``key``, or None."""
        facts = self.bucket.head_object(key)
        if facts is None:
            return None
        return self.bucket.read_range(key, 0, facts.byte_size)


def _raw_request(signed: SignedRequest, body: bytes) -> RawRequest:
    return RawRequest(signed.method, signed.url, dict(signed.headers), body)


def form(url: str, fields: dict[str, str], body: bytes) -> RawRequest:
    """Return the request of a form as a browser sends it, with the file last."""
    lines = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n'
        "Content-Type: text/html\r\n\r\n"
    )
    content = (
        "".join([*lines, head]).encode() + body + f"\r\n--{BOUNDARY}--\r\n".encode()
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return RawRequest("POST", url, headers, content)
