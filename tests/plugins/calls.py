"""Record the code's calls to S3 and SQS, with the identity that makes them.

Only successful calls are recorded: calls of boto3 that a module of the app makes (not a
test), and requests of any other HTTP client with a presigned URL or a signed header. Each
process writes its calls to a file when it ends. tests/recorded_calls.py merges these files.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.client import BaseClient

from uploads.s3.requesting import ObjectRequests

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "test-results" / "calls"

_SETUP_MODULES = {"configuration.py", "setting_verbs.py", "queue_policy.py"}
_NOTIFICATIONS = ("Message", "Queue", "Notification")

Call = tuple[str, str, str]
"""Identity, feature and operation."""

_calls: set[Call] = set()
_features: list[str] = []


@contextmanager
def with_feature(name: str) -> Iterator[None]:
    """Also record all calls in the block for a feature, such as KMS."""
    _features.append(name)
    try:
        yield
    finally:
        _features.pop()


def pytest_configure(config: pytest.Config) -> None:
    _record_boto3()
    _record_own_client()
    _record_http()


def pytest_unconfigure(config: pytest.Config) -> None:
    if _calls and os.environ.get("RECORD_CALLS"):
        FOLDER.mkdir(parents=True, exist_ok=True)
        path = FOLDER / f"{os.getpid()}-{uuid.uuid4().hex}.json"
        path.write_text(json.dumps(sorted(_calls)))


def merged() -> set[Call]:
    """Return the calls of all processes that have ended."""
    return {
        (identity, feature, operation)
        for path in FOLDER.glob("*.json")
        for identity, feature, operation in json.loads(path.read_text())
    }


def _record_boto3() -> None:
    call = BaseClient._make_api_call  # type: ignore[attr-defined]

    def recorded(client: BaseClient, operation: str, arguments: Any) -> Any:
        # Read the source before the call, because botocore changes it in place.
        source = arguments.get("CopySource") or {}
        keys = [arguments.get("Key", "")]
        if isinstance(source, dict) and source:
            keys.append(source["Key"])
        answer = call(client, operation, arguments)
        if identity := _caller():
            for key in keys:
                _note(identity, operation, key, arguments)
        return answer

    BaseClient._make_api_call = recorded  # type: ignore[attr-defined]


def _record_own_client() -> None:
    # moto answers this client too, without HTTP.
    send, send_many = ObjectRequests.send, ObjectRequests.send_many

    def recorded(requests: Any, operation: str, key: str, **options: Any) -> Any:
        answer = send(requests, operation, key, **options)
        _note("worker", operation, key, {})
        return answer

    def recorded_many(requests: Any, reads: Any) -> Any:
        outcomes = send_many(requests, reads)
        for read in reads:
            _note("worker", read.operation, read.key, {})
        return outcomes

    ObjectRequests.send = recorded  # type: ignore[assignment,method-assign]
    ObjectRequests.send_many = recorded_many  # type: ignore[assignment,method-assign]


def _caller() -> str:
    """Return the identity that calls boto3, or "" if the app is not the caller."""
    frame: Any = sys._getframe(2)
    while frame is not None and frame.f_code.co_name != "_api_call":
        frame = frame.f_back  # other wrappers of the same function
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT / "tests"):
            return ""
        if path.is_relative_to(ROOT / "uploads"):
            return "setup" if path.name in _SETUP_MODULES else "worker"
        frame = frame.f_back
    return ""


def _record_http() -> None:
    connection: Any = http.client.HTTPConnection
    put, send, get = connection.putrequest, connection.send, connection.getresponse
    put_header = connection.putheader

    def putrequest(self: Any, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        self._recorded = [method, url, False]
        self._recorded_headers = {}
        put(self, method, url, *args, **kwargs)

    def putheader(self: Any, header: Any, *values: Any) -> None:
        name = header.decode() if isinstance(header, bytes) else header
        self._recorded_headers[name.lower()] = str(values[0])
        put_header(self, header, *values)

    def send_data(self: Any, data: Any) -> None:
        if isinstance(data, bytes) and b"x-amz-signature" in data[:_FORM].lower():
            getattr(self, "_recorded", ["", "", False])[2] = True
        send(self, data)

    def getresponse(self: Any) -> http.client.HTTPResponse:
        answer: http.client.HTTPResponse = get(self)
        method, url, is_form = getattr(self, "_recorded", ["", "", False])
        if is_form and method == "POST" and answer.status < 400:
            _note("signer", "PostObject", "", {})
        elif 200 <= answer.status < 300:
            _note_signed(method, url)
            _note_signed_by_headers(method, url, self._recorded_headers)
        return answer

    connection.putrequest = putrequest
    connection.putheader = putheader
    connection.send = send_data
    connection.getresponse = getresponse


_FORM = 20_000
"""The fields of a form are within this number of bytes, before the file."""

_SIGNED = {"PUT": ("signer", "PutObject"), "GET": ("worker", "GetObject")}


def _note_signed(method: str, url: str) -> None:
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if "X-Amz-Credential" not in query or method == "OPTIONS":
        return
    identity, operation = _SIGNED.get(method, ("signer", f"{method}Object"))
    if "uploadId" in query:
        operation = "UploadPart"
    version = {"VersionId": query["versionId"]} if "versionId" in query else {}
    _note(identity, operation, parts.path.lstrip("/"), version)


_SIGNED_BY_HEADERS = {"HEAD": "HeadObject", "GET": "GetObject"}


def _note_signed_by_headers(method: str, url: str, headers: Mapping[str, str]) -> None:
    """Record a request that a client other than boto3 signed with a header."""
    is_signed = headers.get("authorization", "").startswith("AWS4-HMAC-SHA256")
    if not is_signed or "Boto3" in headers.get("user-agent", ""):
        return
    operation = _SIGNED_BY_HEADERS.get(method, f"{method} with a signed header")
    path = urlsplit(url).path.lstrip("/")
    _, _, key = path.partition("/")
    is_quarantined = _feature(operation, key) == "quarantine"
    _note("worker", operation, key if is_quarantined else path, {})


def _note(
    identity: str, operation: str, key: str, arguments: Mapping[str, Any]
) -> None:
    if arguments.get("VersionId"):
        operation = f"{operation}?versionId"
    _calls.add((identity, _feature(operation, key), operation))
    _calls.update((identity, feature, operation) for feature in _features)


def _feature(operation: str, key: str) -> str:
    if any(word in operation for word in _NOTIFICATIONS):
        return "notifications"
    if operation.endswith("?versionId"):
        return "versions"
    from uploads.conf import options

    quarantine = options().quarantine_prefix
    return "quarantine" if quarantine and key.startswith(quarantine) else "uploads"
