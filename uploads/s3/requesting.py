"""Sends HeadObject and GetObject requests over the connections of a boto3 client.

This module signs the requests itself. If boto3 signed and sent them, a small request
would take 2.5 times as much CPU time. The module takes the endpoint, credentials,
proxies, certificates, timeouts and the number of attempts from the boto3 client. It
raises boto3's exceptions.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.response import StreamingBody

from uploads.s3.credentials import current_credentials
from uploads.s3.descriptions import USER_AGENT
from uploads.s3.failures import code_in
from uploads.s3.measuring import measured
from uploads.s3.signature import Scope, Target, authorization, encode_path, timestamp
from uploads.text.hosts import host_header

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PLACEHOLDER = "key"
_MAX_ERROR_BYTES = 64 * 1024
_MAX_BACKOFF_SECONDS = 20
_DEFAULT_ATTEMPTS = 4
_METHODS = {"HeadObject": "HEAD", "GetObject": "GET"}
_TRANSIENT_STATUSES = frozenset({429, 500, 502, 503, 504})
_TRANSIENT_CODES = frozenset({"RequestTimeout", "RequestTimeoutException", "SlowDown"})


@dataclass(frozen=True)
class Answer:
    """Contains a successful answer of S3. The keys of ``headers`` ignore case."""

    headers: Mapping[str, str]
    body: bytes


class ObjectRequests:
    """Sends HeadObject and GetObject requests to one bucket. It is thread-safe."""

    def __init__(self, client: S3Client, *, bucket_name: str, expected_owner: str):
        self._client: Any = client
        self._owner = expected_owner
        # boto3 chooses the URL and the region of the bucket for all other calls. To use
        # the same values here, read them from a URL that boto3 has signed.
        url = client.generate_presigned_url(
            "get_object", Params={"Bucket": bucket_name, "Key": _PLACEHOLDER}
        )
        parts = urlsplit(url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._root = parts.path.removesuffix(_PLACEHOLDER)
        self._host = host_header(url)
        self._region = _region_in(parts.query) or client.meta.region_name
        self._attempts = _attempts(client)

    def send(
        self,
        operation: str,
        key: str,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = 0,
    ) -> Answer:
        """Send a request, and return the answer with up to ``max_bytes`` of its body.

        Retries temporary failures as often as boto3 does. Raises ClientError if S3
        refuses the request, and BotoCoreError if S3 does not answer.
        """
        with measured(operation):
            return self._retry(operation, key, headers or {}, max_bytes)

    def _retry(
        self, operation: str, key: str, headers: Mapping[str, str], max_bytes: int
    ) -> Answer:
        for attempt in range(1, self._attempts):
            try:
                return self._send_once(operation, key, headers, max_bytes)
            except ClientError as error:
                if not _is_transient(error):
                    raise
            except (NoConnectionError, HTTPClientError):
                pass
            longest = min(2 ** (attempt - 1), _MAX_BACKOFF_SECONDS)
            # boto3's retry mode "standard" waits for the same time.
            time.sleep(random.random() * longest)
        return self._send_once(operation, key, headers, max_bytes)

    def _send_once(
        self, operation: str, key: str, headers: Mapping[str, str], max_bytes: int
    ) -> Answer:
        request = self._signed(_METHODS[operation], key, headers)
        event = f"before-send.s3.{operation}"
        answer = self._client.meta.events.emit_until_response(event, request=request)[1]
        if answer is None:
            answer = self._client._endpoint.http_session.send(request)  # noqa: SLF001  the connections
        is_success = answer.status_code in {200, 206}
        limit = max_bytes if is_success else _MAX_ERROR_BYTES
        stream: Any = StreamingBody(answer.raw, content_length=None)  # type: ignore[arg-type]
        with closing(stream) as body:
            # A connection can be reused only after the answer was read to its end. So
            # read one byte more than the limit. Otherwise the end of an answer with
            # exactly ``limit`` bytes would not be reached.
            found = b"" if request.method == "HEAD" else body.read(limit + 1)
        if is_success:
            return Answer(answer.headers, found[:limit])
        code = code_in(found) or str(answer.status_code)
        raise ClientError(
            {
                "Error": {"Code": code, "Message": ""},
                "ResponseMetadata": {
                    "HTTPStatusCode": answer.status_code,
                    "RequestId": answer.headers.get("x-amz-request-id", ""),
                    "HTTPHeaders": {},
                    "HostId": "",
                    "RetryAttempts": 0,
                },
            },
            operation,
        )

    def _signed(
        self, method: str, key: str, headers: Mapping[str, str]
    ) -> AWSPreparedRequest:
        credentials = current_credentials(self._client._request_signer._credentials)  # noqa: SLF001
        moment = timestamp(datetime.now(UTC).replace(microsecond=0))
        target = Target(self._origin, self._host, self._root + encode_path(key))
        signed = {"x-amz-date": moment, **headers}
        if self._owner:
            signed["x-amz-expected-bucket-owner"] = self._owner
        if credentials.token:
            signed["x-amz-security-token"] = credentials.token
        scope = Scope(credentials, self._region, moment)
        signed |= authorization(
            method=method, target=target, headers=signed, scope=scope
        )
        sent: Any = HeadersDict(signed | {"User-Agent": USER_AGENT})
        return AWSPreparedRequest(
            method=method,
            url=target.origin + target.path,
            headers=sent,
            body=None,
            stream_output=True,
        )


def _region_in(query: str) -> str:
    """Return the region in the signature of a presigned URL, or ``""`` if none."""
    [credential, *_] = parse_qs(query).get("X-Amz-Credential", [""])
    steps = credential.split("/")
    return steps[-3] if len(steps) > 3 else ""


def _attempts(client: S3Client) -> int:
    config: Any = client.meta.config
    retries = config.retries or {}
    attempts = retries.get("total_max_attempts")
    return int(attempts or retries.get("max_attempts", _DEFAULT_ATTEMPTS - 1) + 1)


def _is_transient(error: ClientError) -> bool:
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    code = error.response["Error"]["Code"]
    return status in _TRANSIENT_STATUSES or code in _TRANSIENT_CODES
