"""Send HTTP requests in races, as clients do."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

from tests.races.files import checksum


def call(url: str, token: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    return urllib.request.urlopen(
        urllib.request.Request(url, data=data, headers=headers), timeout=120
    )


def start(url: str, token: str, byte_size: int) -> tuple[int, str, int]:
    """Start an upload. Return the status, the error code and the Retry-After."""
    body = {
        "filename": "notes.txt",
        "byte_size": byte_size,
        "content_type": "text/plain",
        "checksum_sha256": checksum(b"x" * byte_size),
    }
    try:
        with call(f"{url}/api/v1/uploads", token, body) as answer:
            return answer.status, "", 0
    except urllib.error.HTTPError as error:
        received = json.load(error)
        header = int(error.headers.get("Retry-After", 0))
        assert received.get("retry_after", 0) == header
        return error.code, received["code"], header


def wrong_login(url: str, name: str) -> Callable[[], tuple[int, int]]:
    """Return a function that sends a wrong password and returns the answer's facts."""
    page = f"{url}/accounts/login/"
    with urllib.request.urlopen(page, timeout=120) as answer:
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        found = re.search(
            r'name="csrfmiddlewaretoken" value="(\w+)"', answer.read().decode()
        )
    assert found is not None
    # Send the name in both fields that a login form may have.
    fields = {"username": name, "login": name, "password": "wrong"}
    data = urllib.parse.urlencode({**fields, "csrfmiddlewaretoken": found[1]})

    def guess() -> tuple[int, int]:
        request = urllib.request.Request(
            page, data=data.encode(), headers={"Cookie": cookie}
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, 0
        except urllib.error.HTTPError as error:
            return error.code, int(error.headers.get("Retry-After", 0))

    return guess
