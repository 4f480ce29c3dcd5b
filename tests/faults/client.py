"""A client of the JSON API that retries failed requests, as the page does."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import urllib3

from uploads.s3.part_plan import PartPlan

_RETRIED = {0, 408, 429, 500, 502, 503, 504}
_REFUSED_URL = {403}
_SENT = {
    200,
    204,
    412,
}  # 412: an earlier attempt stored the object, but its answer was lost
_CLAIM_SECONDS = 60
_ROUNDS = 5


@dataclass(frozen=True)
class Reply:
    """An answer. The status is 0 if the client got no answer."""

    status: int
    body: Any = None


class RefusedError(Exception):
    """The server refused the request, and a retry would not help."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"{reply.status}: {reply.body}")
        self.reply = reply

    @property
    def code(self) -> str:
        return str(self.reply.body.get("code")) if self.reply.body else ""


class RetryTimeoutError(Exception):
    """The client stopped retrying after ``retry_seconds``."""


@dataclass
class Client:
    """Uploads files of one person.

    ``retry_seconds`` limits the time for the retries of one request.
    """

    site_url: str
    token: str
    retry_seconds: float = 60
    timeout: float = 30
    chance: random.Random = field(default_factory=lambda: random.Random(0))

    def __post_init__(self) -> None:
        self._pool = urllib3.PoolManager(maxsize=16, retries=False)

    def call(self, method: str, path: str, body: Any = None, *, key: str = "") -> Reply:
        """Send one request to the API, without retries."""
        headers = {"Authorization": f"Bearer {self.token}"}
        if key:
            headers["Idempotency-Key"] = key
        if body is not None:
            headers["Content-Type"] = "application/json"
        return self._send(
            method,
            urljoin(self.site_url, f"/api/v1{path}"),
            headers=headers,
            body=None if body is None else json.dumps(body).encode(),
        )

    def call_with_retries(
        self, method: str, path: str, body: Any = None, *, key: str = ""
    ) -> Any:
        """Send a request, with retries, until it succeeds. Return the JSON.

        Raises RefusedError if a retry would not change the answer.
        """
        reply = self._retry(lambda: self.call(method, path, body, key=key))
        if reply.status >= 400:
            raise RefusedError(reply)
        return reply.body

    def start(
        self, content: bytes, *, name: str = "file.bin", key: str = "", parts: bool
    ) -> Any:
        """Start an upload of ``content``. Return the record."""
        declaration = {
            "filename": name,
            "byte_size": len(content),
            "content_type": "application/octet-stream",
            "transport": "multipart" if parts else "put",
        }
        if not parts:
            declaration["checksum_sha256"] = checksum(content)
        key = key or uuid.uuid4().hex
        return self.call_with_retries("POST", "/uploads", declaration, key=key)

    def send_parts(
        self, upload: Any, content: bytes, numbers: Iterable[int] | None = None
    ) -> None:
        """Send these parts, or by default the parts that the bucket lacks."""
        path = f"/uploads/{upload['id']}/parts"
        listed = self.call_with_retries("GET", path)
        stored = {part["part_number"] for part in listed["parts"]}
        plan = PartPlan(byte_size=len(content), part_size=listed["part_size"])
        if numbers is None:
            numbers = [n for n in plan.part_numbers if n not in stored]
        for number in numbers:
            start = (number - 1) * plan.part_size
            body = content[start : start + plan.byte_size_of(number)]
            wanted = {"part_number": number, "checksum_sha256": checksum(body)}

            def request(wanted: Any = wanted) -> Any:
                return self.call_with_retries("POST", path, {"parts": [wanted]})[
                    "parts"
                ][0]

            self.deliver(request, body)

    def deliver(self, request_for: Any, body: bytes) -> None:
        """Send one body to S3, with retries. ``request_for`` returns the request.

        Raises RefusedError if a retry would not change the answer.
        """

        def attempt() -> Reply:
            request = request_for()
            reply = self._send(
                request.get("method", "PUT"),
                request["url"],
                headers=request["headers"],
                body=body,
            )
            # S3 may accept a new URL after it has refused an expired URL.
            return Reply(0) if reply.status in _REFUSED_URL else reply

        reply = self._retry(attempt)
        if reply.status not in _SENT:
            raise RefusedError(reply)

    def complete(self, upload: Any) -> Any:
        """Complete the upload, with retries. Return the record.

        If a process dies during the inspection, its lease on the upload expires after
        half a minute.
        """
        deadline = time.monotonic() + _CLAIM_SECONDS
        while True:
            record = self.call_with_retries("POST", f"/uploads/{upload['id']}/complete")
            if record["state"] != "inspecting" or time.monotonic() > deadline:
                return record
            time.sleep(1)

    def upload(self, content: bytes, *, name: str = "file.bin", parts: bool) -> Any:
        """Start, send and complete an upload. Return the final record.

        Raises RefusedError and RetryTimeoutError.
        """
        key = uuid.uuid4().hex
        for _ in range(_ROUNDS):
            upload = self.start(content, name=name, key=key, parts=parts)
            try:
                if upload["state"] != "pending":
                    return self.complete(upload)
                if parts:
                    self.send_parts(upload, content)
                else:
                    self._put(upload, content, name=name, key=key)
                return self.complete(upload)
            except RefusedError as error:
                if error.code != "incomplete" and error.reply.status != 404:
                    raise
        raise RetryTimeoutError(f"{name} is still incomplete after {_ROUNDS} rounds.")

    def sha256_of_download(self, upload_id: str) -> str:
        """Download the file through the site, and return its SHA-256 in hexadecimal."""
        redirect = self._pool.request(
            "GET",
            urljoin(self.site_url, f"/api/v1/uploads/{upload_id}/download"),
            headers={"Authorization": f"Bearer {self.token}"},
            redirect=False,
        )
        assert redirect.status == 302, redirect.data
        digest = hashlib.sha256()
        answer = self._pool.request(
            "GET", redirect.headers["Location"], preload_content=False
        )
        assert answer.status == 200
        for piece in answer.stream(1024 * 1024):
            digest.update(piece)
        return digest.hexdigest()

    def _put(self, upload: Any, content: bytes, *, name: str, key: str) -> None:
        requests = iter([upload["request"]] if upload.get("request") else [])

        def request() -> Any:
            fresh = next(requests, None)
            if fresh is None:
                again = self.start(content, name=name, key=key, parts=False)
                fresh = again["request"]
                if fresh is None:  # another process has completed the upload
                    raise RefusedError(Reply(404))
            return fresh

        self.deliver(request, content)

    def _retry(self, attempt: Any) -> Reply:
        deadline = time.monotonic() + self.retry_seconds
        pause = 0.1
        while True:
            reply: Reply = attempt()
            if reply.status not in _RETRIED:
                return reply
            if time.monotonic() > deadline:
                raise RetryTimeoutError(f"the last answer was {reply}")
            time.sleep(pause * self.chance.uniform(0.5, 1.5))
            pause = min(pause * 2, 3)

    def _send(
        self, method: str, url: str, *, headers: dict[str, str], body: bytes | None
    ) -> Reply:
        try:
            answer = self._pool.request(
                method, url, headers=headers, body=body, timeout=self.timeout
            )
        except urllib3.exceptions.HTTPError:
            return Reply(0)
        is_json = "json" in answer.headers.get("Content-Type", "")
        return Reply(
            answer.status, json.loads(answer.data) if is_json and answer.data else None
        )


def checksum(body: bytes) -> str:
    """Return the SHA-256 in base64, as in S3 and in our API."""
    return base64.b64encode(hashlib.sha256(body).digest()).decode()
