"""Send one request to the site under gunicorn and to the function."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from tests.serverless.functions import Function, body_of, http_event

# Headers that may differ in two answers to the same request, such as the request id.
VARYING_HEADERS = {
    "connection",
    "content-length",
    "date",
    "expires",
    "keep-alive",
    "server",
    "set-cookie",
    "transfer-encoding",
    "x-request-id",
}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Person:
    """A browser, which sends its cookies with each request."""

    cookies: dict[str, str] = field(default_factory=dict)

    def headers(self, host: str, more: Mapping[str, str]) -> dict[str, str]:
        own = {"Host": host, "Accept-Encoding": "identity", **more}
        if self.cookies:
            own["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        if "csrftoken" in self.cookies:
            own["X-CSRFToken"] = self.cookies["csrftoken"]
            own["Referer"] = f"http://{host}/"
        return own


def by_gunicorn(
    url: str,
    person: Person,
    method: str,
    target: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    host = urlsplit(url).netloc
    connection = http.client.HTTPConnection(host, timeout=60)
    try:
        connection.request(method, target, body, person.headers(host, headers or {}))
        response = connection.getresponse()
        answer = Answer(
            response.status,
            _plain(response.getheaders()),
            response.read(),
            _cookies(response.headers.get_all("Set-Cookie") or []),
        )
    finally:
        connection.close()
    person.cookies.update(answer.cookies)
    return answer


def by_lambda(
    web: Function,
    url: str,
    person: Person,
    method: str,
    target: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    host = urlsplit(url).netloc
    found = web.call(
        http_event(
            method, target, headers=person.headers(host, headers or {}), body=body
        )
    )
    answer = Answer(
        found["statusCode"],
        _plain(list(found["headers"].items())),
        body_of(found),
        _cookies(found.get("cookies", [])),
    )
    person.cookies.update(answer.cookies)
    return answer


def _plain(headers: list[tuple[str, str]]) -> dict[str, str]:
    found = {
        name.lower(): value
        for name, value in headers
        if name.lower() not in VARYING_HEADERS
    }
    # Each process writes the items of these headers in another order.
    for name, separator in (("content-security-policy", "; "), ("allow", ", ")):
        if name in found:
            found[name] = separator.join(sorted(found[name].split(separator)))
    return found


def _cookies(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        cookie: SimpleCookie = SimpleCookie(line)
        found.update({name: morsel.value for name, morsel in cookie.items()})
    return found
