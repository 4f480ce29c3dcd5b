"""Sends HeadObject and GetObject requests over the connections of a boto3 client.

This module signs the requests itself. If boto3 signed and sent them, a small request
would take 2.5 times as much CPU time. The module takes the endpoint, credentials,
proxies, certificates, timeouts and the number of attempts from the boto3 client. It
raises boto3's exceptions.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.response import StreamingBody

from uploads.errors import StorageUnavailable
from uploads.s3.credentials import current_credentials
from uploads.s3.descriptions import USER_AGENT
from uploads.s3.failures import NO_CREDENTIALS, code_in
from uploads.s3.measuring import count_call, measured
from uploads.s3.signature import RequestSigner, Scope, encode_path, timestamp
from uploads.s3.transfer_options import Settings, settings_of
from uploads.s3.transfers import LANES, Order, Reply, exchange
from uploads.text.hosts import host_header

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PLACEHOLDER = "key"
_MAX_ERROR_BYTES = 64 * 1024
_MAX_BACKOFF_SECONDS = 20
_DEFAULT_ATTEMPTS = 4
_METHODS = {"HeadObject": "HEAD", "GetObject": "GET"}
_SUCCESSES = frozenset({200, 206})
_FINAL_STATUSES = _SUCCESSES | {404, 416}
_TRANSIENT_STATUSES = frozenset({429, 500, 502, 503, 504})
_TRANSIENT_CODES = frozenset({"RequestTimeout", "RequestTimeoutException", "SlowDown"})


@dataclass(frozen=True)
class Read:
    """Contains a HeadObject or GetObject request for up to ``max_bytes``."""

    operation: str
    key: str
    headers: Mapping[str, str]
    max_bytes: int = 0


@dataclass(frozen=True)
class Answer:
    """Contains a successful answer of S3. Read ``headers`` with lower-case names."""

    headers: Mapping[str, str]
    body: bytes


Outcome = Answer | ClientError | None
"""A successful answer, or the refusal of S3, or None if no complete answer arrived."""


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
        read = Read(operation, key, headers, max_bytes)
        request = _prepared(self._order(self._signer(headers), read))
        answer = self._answer_of_hook(operation, request)
        if answer is None:
            answer = self._client._endpoint.http_session.send(request)  # noqa: SLF001  the connections
        outcome = _outcome(
            operation, _read(answer, request.method, max_bytes), max_bytes
        )
        if isinstance(outcome, ClientError):
            raise outcome
        return outcome

    def _answer_of_hook(self, operation: str, request: AWSPreparedRequest) -> Any:
        """Return the answer of a hook that the client has for this event, or None."""
        event = f"before-send.s3.{operation}"
        return self._client.meta.events.emit_until_response(event, request=request)[1]

    def send_many(self, reads: Sequence[Read]) -> list[Outcome]:
        """Send requests in parallel, and return their outcomes in the same order.

        libcurl sends the requests without retries, so the caller must retry. If libcurl
        does not support the settings of the client, threads send the requests with
        retries.
        """
        settings = self._transfer_settings
        if settings is None:
            with ThreadPoolExecutor(LANES, thread_name_prefix="s3") as lanes:
                return list(lanes.map(self._try, reads))
        signers: dict[tuple[tuple[str, str], ...], RequestSigner] = {}
        orders: list[Order] = []
        try:
            for read in reads:
                headers = tuple(read.headers.items())
                if headers not in signers:
                    signers[headers] = self._signer(read.headers)
                orders.append(self._order(signers[headers], read))
        except StorageUnavailable:  # the credentials cannot be refreshed
            return [None] * len(reads)
        hooks = {operation for operation in _METHODS if self._has_hook(operation)}
        hooked = [
            self._hooked(read, order) if read.operation in hooks else order
            for read, order in zip(reads, orders, strict=True)
        ]
        replies = iter(
            exchange(settings, [one for one in hooked if isinstance(one, Order)])
        )
        return [
            _counted(read, next(replies) if isinstance(one, Order) else one)
            for read, one in zip(reads, hooked, strict=True)
        ]

    def _has_hook(self, operation: str) -> bool:
        try:
            handlers = self._client.meta.events._emitter._handlers  # noqa: SLF001
            return bool(handlers.prefix_search(f"before-send.s3.{operation}"))
        except AttributeError:  # These names are private, so a new botocore may differ.
            return True

    def _hooked(self, read: Read, order: Order) -> Order | Reply:
        """Call the hooks of the client, which can change or answer the request."""
        sent = _prepared(order)
        answer = self._answer_of_hook(read.operation, sent)
        if answer is not None:
            return _read(answer, sent.method, read.max_bytes)
        headers: Any = sent.headers
        return replace(order, method=sent.method, url=sent.url, headers=headers)

    @cached_property
    def _transfer_settings(self) -> Settings | None:
        return settings_of(self._client, self._origin)

    def _try(self, read: Read) -> Outcome:
        try:
            return self.send(
                read.operation,
                read.key,
                headers=read.headers,
                max_bytes=read.max_bytes,
            )
        except ClientError as error:
            return error
        except (BotoCoreError, StorageUnavailable, *NO_CREDENTIALS):
            return None

    def _signer(self, headers: Mapping[str, str]) -> RequestSigner:
        """Return a signer of requests that are sent now with these headers."""
        credentials = current_credentials(self._client._request_signer._credentials)  # noqa: SLF001
        moment = timestamp(datetime.now(UTC).replace(microsecond=0))
        signed = {"x-amz-date": moment, **headers}
        if self._owner:
            signed["x-amz-expected-bucket-owner"] = self._owner
        if credentials.token:
            signed["x-amz-security-token"] = credentials.token
        scope = Scope(credentials, self._region, moment)
        return RequestSigner(host=self._host, headers=signed, scope=scope)

    def _order(self, signer: RequestSigner, read: Read) -> Order:
        method, path = _METHODS[read.operation], self._root + encode_path(read.key)
        headers = {
            **signer.headers,
            "Authorization": signer.authorization(method, path),
            "User-Agent": USER_AGENT,
        }
        room = max(read.max_bytes, _MAX_ERROR_BYTES)
        return Order(method, self._origin + path, self._host, headers, room)


def _prepared(order: Order) -> AWSPreparedRequest:
    """Return the request in the format of botocore."""
    headers: Any = HeadersDict(order.headers)
    return AWSPreparedRequest(order.method, order.url, headers, None, True)


def _read(answer: Any, method: str, max_bytes: int) -> Reply:
    """Read the body of an answer of botocore's HTTP session."""
    limit = max_bytes if answer.status_code in _SUCCESSES else _MAX_ERROR_BYTES
    stream: Any = StreamingBody(answer.raw, content_length=None)  # type: ignore[arg-type]
    with closing(stream) as body:
        # A connection can be reused only after the answer was read to its end. So
        # read one byte more than the limit. Otherwise the end of an answer with
        # exactly ``limit`` bytes would not be reached.
        found = b"" if method == "HEAD" else body.read(limit + 1)
    return Reply(answer.status_code, answer.headers, found, 0)


def _outcome(operation: str, reply: Reply, max_bytes: int) -> Answer | ClientError:
    if reply.status in _SUCCESSES:
        return Answer(reply.headers, reply.body[:max_bytes])
    code = code_in(reply.body) or str(reply.status)
    return ClientError(
        {
            "Error": {"Code": code, "Message": ""},
            "ResponseMetadata": {
                "HTTPStatusCode": reply.status,
                "RequestId": reply.headers.get("x-amz-request-id", ""),
                "HTTPHeaders": {},
                "HostId": "",
                "RetryAttempts": 0,
            },
        },
        operation,
    )


def _counted(read: Read, reply: Reply) -> Outcome:
    """Return the outcome of a request, and count the request for the metrics.

    The metrics contain calls after their retries. So this function does not count
    failures and most refusals, because the caller sends these requests again.
    """
    if reply.status in _FINAL_STATUSES:
        count_call(read.operation, reply.status, reply.seconds)
    return _outcome(read.operation, reply, read.max_bytes) if reply.status else None


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
