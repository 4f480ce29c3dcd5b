"""Clients of a running demo site: logins, requests, uploads."""

from __future__ import annotations

import base64
import hashlib
import http.client
import http.cookiejar
import json
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any, Self

from tests.demo.sites import Demo
from uploads.dev.ports import HOST

TIMEOUT_SECONDS = 200
Headers = dict[str, str]


def request_status(
    demo: Demo, method: str, path: str, headers: Headers, body: bytes | None = None
) -> int:
    """Send a request on a new connection, and return the status of the answer."""
    return _exchange(demo.port, method, path, headers, body)[0]


def _exchange(
    port: int, method: str, path: str, headers: Headers, body: bytes | None = None
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@dataclass(frozen=True)
class Person:
    """A logged-in person, with the headers of the browser."""

    demo: Demo
    headers: Headers

    @classmethod
    def log_in(cls, demo: Demo, name: str) -> Self:
        jar = http.cookiejar.CookieJar()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        url = f"http://{HOST}:{demo.port}/accounts/login/"
        browser.open(url).read()
        form = {"username": name, "password": name}
        form["csrfmiddlewaretoken"] = _cookies(jar)["csrftoken"]
        sent = urllib.parse.urlencode(form).encode()
        browser.open(urllib.request.Request(url, sent, {"Referer": url})).read()
        cookies = _cookies(jar)
        assert "sessionid" in cookies
        return cls(
            demo,
            {
                "Cookie": "; ".join(f"{key}={value}" for key, value in cookies.items()),
                "X-CSRFToken": cookies["csrftoken"],
            },
        )

    def request_status(self, method: str, path: str, body: bytes | None = None) -> int:
        """Send a request to the API, and return the status of the answer."""
        headers = {**self.headers, "Content-Type": "application/json"}
        return request_status(self.demo, method, f"/api/v1{path}", headers, body)

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Send JSON to the API, and return the JSON of the answer."""
        headers = {**self.headers, "Content-Type": "application/json"}
        sent = None if body is None else json.dumps(body).encode()
        status, text = _exchange(
            self.demo.port, method, f"/api/v1{path}", headers, sent
        )
        assert status < 300, text
        found: dict[str, Any] = json.loads(text)
        return found

    def send(self, content: bytes, filename: str) -> str:
        """Start an upload, send its bytes to the bucket, and return its id."""
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        started = self.call(
            "POST",
            "/uploads",
            {
                "filename": filename,
                "byte_size": len(content),
                "content_type": "application/octet-stream",
                "checksum_sha256": digest,
                "transport": "put",
            },
        )
        request = started["request"]
        url = urllib.parse.urlsplit(request["url"])
        status, text = _exchange(
            self.demo.s3_port,
            request["method"],
            f"{url.path}?{url.query}",
            {**request["headers"], "Host": url.netloc},
            content,
        )
        assert status == 200, text
        return str(started["id"])

    def complete(self, upload_id: str) -> dict[str, Any]:
        return self.call("POST", f"/uploads/{upload_id}/complete")

    def state_of(self, upload_id: str) -> str:
        return str(self.call("GET", f"/uploads/{upload_id}")["state"])


def _cookies(jar: http.cookiejar.CookieJar) -> dict[str, str]:
    return {cookie.name: str(cookie.value) for cookie in jar}
