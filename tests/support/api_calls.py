"""Send calls to the API, and check its error responses."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

from django.test import Client

MIB = 1024 * 1024
CHECKSUM = base64.b64encode(hashlib.sha256(b"hello").digest()).decode()

HELLO = {
    "filename": "hello.txt",
    "byte_size": 5,
    "content_type": "text/plain",
    "checksum_sha256": CHECKSUM,
}

Call = Callable[..., Any]


def caller(client: Client) -> Call:
    def send(method: str, path: str, body: Any = None, **headers: str) -> Any:
        data = b"" if body is None else json.dumps(body).encode()
        return client.generic(
            method,
            f"/api/v1{path}",
            data,
            content_type="application/json",
            headers={name.replace("_", "-"): text for name, text in headers.items()},
        )

    return send


def assert_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert {"type", "title", "status", "detail", "code"} <= body.keys()
    assert (body["status"], body["code"]) == (status, code)
    return body
