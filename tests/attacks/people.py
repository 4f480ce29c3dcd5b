"""People with a browser session, calls of the API, and raw requests to S3."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from tests.bucket.stores import Answer, RawRequest, send_raw, sha256
from uploads.models import Upload

MIB = 1024 * 1024
HELLO = b"hello"
OTHER = b"HELLO"


@dataclass(frozen=True)
class Started:
    """An upload that was started by the API, with the API's answer."""

    received: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.received["id"])

    @property
    def row(self) -> Upload:
        return Upload.objects.get(pk=self.id)

    def raw_request(self, content: bytes) -> RawRequest:
        """Return the request with which a browser would send ``content``."""
        request = self.received["request"]
        return RawRequest(
            request["method"], request["url"], request["headers"], content
        )


class Person:
    """A browser, with or without a logged-in user."""

    def __init__(self, user: User | None, *, enforce_csrf_checks: bool = False) -> None:
        self.user = user
        self.browser = Client(enforce_csrf_checks=enforce_csrf_checks)
        if user is not None:
            self.browser.force_login(user)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send JSON to the API, and return the answer."""
        data = b"" if body is None else json.dumps(body).encode()
        return self.browser.generic(
            method,
            f"/api/v1{path}",
            data,
            content_type="application/json",
            headers=headers,
        )

    def start(self, content: bytes = HELLO, **changes: Any) -> Started:
        """Start an upload of ``content``."""
        answer = self.call("POST", "/uploads", declaration(content, **changes))
        assert answer.status_code == 201, answer.content
        return Started(answer.json())

    def upload(self, content: bytes = HELLO, **changes: Any) -> Started:
        """Start, send and complete an upload, which becomes ready or rejected."""
        started = self.start(content, **changes)
        assert send_raw(started.raw_request(content)).status == 200
        answer = self.call("POST", f"/uploads/{started.id}/complete")
        assert answer.status_code == 200, answer.content
        return started

    def start_parts(self, *sizes: int, **changes: Any) -> Started:
        """Start a multipart upload whose parts have these sizes."""
        facts = {"byte_size": sum(sizes), "transport": "multipart", **changes}
        answer = self.call("POST", "/uploads", declaration(b"", **facts))
        assert answer.status_code == 201, answer.content
        return Started(answer.json())

    def part(self, started: Started, number: int, content: bytes) -> RawRequest:
        """Return the request that sends one part."""
        answer = self.call(
            "POST",
            f"/uploads/{started.id}/parts",
            {"parts": [{"part_number": number, "checksum_sha256": sha256(content)}]},
        )
        assert answer.status_code == 200, answer.content
        [part] = answer.json()["parts"]
        return RawRequest("PUT", part["url"], part["headers"], content)

    def download(self, started: Started, query: str = "") -> Answer:
        """Download an upload through the site's redirect, as a browser does."""
        answer = self.call("GET", f"/uploads/{started.id}/download{query}")
        assert answer.status_code == 302, answer.content
        return send_raw(RawRequest("GET", answer["Location"], {}))


def declaration(content: bytes, **changes: Any) -> dict[str, Any]:
    """Return the JSON that declares ``content`` as plain text."""
    return {
        "filename": "hello.txt",
        "byte_size": len(content),
        "content_type": "text/plain",
        "checksum_sha256": sha256(content),
        **changes,
    }


def assert_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """Check status, type and fields of a refusal, and return its JSON."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Cache-Control"] == "no-store"
    received: dict[str, Any] = answer.json()
    assert received["code"] == code
    return received
