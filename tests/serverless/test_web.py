"""The function and gunicorn give the same answers to the same requests."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import urllib.request
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User

from tests.serverless.both_servers import Answer, Person, by_gunicorn, by_lambda
from tests.serverless.functions import Function, http_event
from tests.support.live_site import LiveSite
from uploads.models import Upload

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class BothServers:
    """Sends each request to gunicorn and to the function, from two browsers."""

    def __init__(self, site: LiveSite, web: Function) -> None:
        self.url = site.url
        self.web = web
        self.browsers = Person(), Person()

    def send(
        self, method: str, target: str, body: bytes = b"", **headers: str
    ) -> tuple[Answer, Answer]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        one, other = self.browsers
        return (
            by_gunicorn(self.url, one, method, target, body, named),
            by_lambda(self.web, self.url, other, method, target, body, named),
        )

    def send_form(self, target: str, **fields: str) -> tuple[Answer, Answer]:
        """Send a form from each browser, with the CSRF token of its page."""
        answers = []
        for browser, send in zip(
            self.browsers, (self._gunicorn, self._lambda), strict=True
        ):
            page = send(browser, "GET", target, b"", {})
            token = re.search(rb'csrfmiddlewaretoken" value="(\w+)"', page.body)
            assert token, "The page has no form."
            body = urlencode({**fields, "csrfmiddlewaretoken": token[1].decode()})
            answers.append(send(browser, "POST", target, body.encode(), FORM))
        return answers[0], answers[1]

    def log_in(self, person: User) -> None:
        for answer in self.send_form(
            "/accounts/login/", username=person.username, password="demo"
        ):
            assert answer.status == 302, answer.body

    def _gunicorn(self, browser: Person, *request: Any) -> Answer:
        return by_gunicorn(self.url, browser, *request)

    def _lambda(self, browser: Person, *request: Any) -> Answer:
        return by_lambda(self.web, self.url, browser, *request)


@pytest.fixture
def both(live_site: LiveSite, web: Function) -> BothServers:
    return BothServers(live_site, web)


def without_secrets_of_one_answer(body: bytes) -> bytes:
    """Remove the random values of an answer: CSRF tokens and nonces."""
    body = re.sub(rb'(csrfmiddlewaretoken" value=")\w+', rb"\1", body)
    return re.sub(rb'(nonce(?:=|-)["\']?)[\w+/=-]+', rb"\1", body)


def assert_same(answers: tuple[Answer, Answer]) -> None:
    gunicorn, function = answers
    assert function.status == gunicorn.status
    assert function.headers == gunicorn.headers
    assert without_secrets_of_one_answer(function.body) == (
        without_secrets_of_one_answer(gunicorn.body)
    )
    assert function.cookies.keys() == gunicorn.cookies.keys()


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/accounts/login/", 200),
        ("GET", "/", 302),
        ("GET", "/nothing-here", 404),
        ("GET", "/api/v1/me", 401),
        ("GET", "/api/v1/nothing", 404),
        ("PUT", "/api/v1/uploads", 405),
        ("GET", "/api/v1/openapi.json", 401),
        ("HEAD", "/accounts/login/", 200),
        ("GET", "/accounts/login/?next=/%C3%BC/%2B?a%3Db", 200),
        ("POST", "/api/v1/uploads", 401),
    ],
)
def test_pages_and_errors_are_the_same(
    both: BothServers, method: str, target: str, status: int
) -> None:
    answers = both.send(method, target)

    assert answers[0].status == status
    assert_same(answers)


def test_static_files_are_the_same(both: BothServers) -> None:
    page = both.send("GET", "/accounts/login/")[0].body.decode()
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert any(file.endswith(".css") for file in files)
    assert any(file.endswith(".js") for file in files)

    for file in files:
        answers = both.send("GET", file)
        assert answers[0].status == 200
        assert_same(answers)
    for encoding in ("gzip", "br"):
        assert_same(both.send("GET", files[0], Accept_Encoding=encoding))
    etag = both.send("GET", files[0])[0].headers.get("etag", "")
    if etag:
        assert_same(both.send("GET", files[0], If_None_Match=etag))


def test_answers_to_a_wrong_password_and_a_login_are_the_same(
    both: BothServers, person: User
) -> None:
    wrong = both.send_form(
        "/accounts/login/", username=person.username, password="wrong"
    )
    assert wrong[0].status == 200
    assert_same(wrong)

    right = both.send_form(
        "/accounts/login/", username=person.username, password="demo"
    )

    assert right[0].status == 302
    assert_same(right)
    assert "sessionid" in right[1].cookies


def test_form_without_a_csrf_token_is_refused(both: BothServers) -> None:
    body = urlencode({"username": "a", "password": "b"}).encode()

    answers = both.send("POST", "/accounts/login/", body, **FORM)

    assert answers[0].status == 403
    assert_same(answers)


def test_answers_to_an_upload_by_one_put_are_the_same(
    both: BothServers, person: User
) -> None:
    both.log_in(person)
    content = os.urandom(5_000)
    declared = {
        "filename": "Bericht für Zoë.txt",
        "byte_size": len(content),
        "content_type": "text/plain",
        "checksum_sha256": base64.b64encode(hashlib.sha256(content).digest()).decode(),
    }

    started = both.send(
        "POST", "/api/v1/uploads", json.dumps(declared).encode(), **JSON
    )

    assert [answer.status for answer in started] == [201, 201]
    assert list(started[0].json) == list(started[1].json)
    assert started[0].headers == started[1].headers
    for answer in started:
        request = answer.json["request"]
        put(request, content)
    done = [
        both._gunicorn(both.browsers[0], "POST", completion(started[0]), b"", JSON),
        both._lambda(both.browsers[1], "POST", completion(started[1]), b"", JSON),
    ]
    assert [answer.status for answer in done] == [200, 200]
    assert [answer.json["state"] for answer in done] == ["ready", "ready"]
    assert [answer.json["filename"] for answer in done] == ["Bericht für Zoë.txt"] * 2
    rows = Upload.objects.filter(owner=person)
    assert {row.state for row in rows} == {"ready"}

    target = f"/api/v1/uploads/{done[0].json['id']}/download"
    downloads = both.send("GET", target)
    assert [answer.status for answer in downloads] == [302, 302]
    for answer in downloads:
        with urllib.request.urlopen(answer.headers["location"]) as response:
            assert response.read() == content
    assert_same(both.send("GET", "/api/v1/uploads?q=Zo%C3%AB"))
    assert_same(both.send("GET", f"/uploads/{done[0].json['id']}/"))


def test_answers_to_a_multipart_upload_are_the_same(
    both: BothServers, person: User, web: Function
) -> None:
    both.log_in(person)
    part, size = 16 * 1024 * 1024, 16 * 1024 * 1024 + 1_000
    content = os.urandom(1_000) * (size // 1_000 + 1)
    content = content[:size]
    browser = both.browsers[1]

    def call(method: str, target: str, body: Any = None) -> Any:
        raw = json.dumps(body).encode() if body is not None else b""
        answer = both._lambda(browser, method, target, raw, JSON)
        assert answer.status < 300, answer.body
        return answer.json

    upload = call(
        "POST",
        "/api/v1/uploads",
        {
            "filename": "film.bin",
            "byte_size": size,
            "content_type": "application/octet-stream",
        },
    )
    pieces = {
        number: content[start : start + upload["part_size"]]
        for number, start in enumerate(range(0, size, upload["part_size"]), 1)
    }
    assert upload["part_size"] <= part
    wanted = [
        {
            "part_number": number,
            "checksum_sha256": base64.b64encode(
                hashlib.sha256(piece).digest()
            ).decode(),
        }
        for number, piece in pieces.items()
    ]
    incomplete = both._lambda(
        browser, "POST", f"/api/v1/uploads/{upload['id']}/complete", b"", JSON
    )
    assert incomplete.status == 409
    assert incomplete.json["code"] == "incomplete"
    signed = call("POST", f"/api/v1/uploads/{upload['id']}/parts", {"parts": wanted})
    for each in signed["parts"]:
        put({"method": "PUT", **each}, pieces[each["part_number"]])

    done = call("POST", f"/api/v1/uploads/{upload['id']}/complete")

    assert done["state"] in {"ready", "inspecting"}


def test_answers_to_invalid_json_are_the_same(both: BothServers, person: User) -> None:
    both.log_in(person)
    for body in (b"{", b'{"a": 1}', b"\xff\xfe", b""):
        answers = both.send("POST", "/api/v1/uploads", body, **JSON)
        assert answers[0].status in {400, 422}
        assert_same(answers)


def put(request: dict[str, Any], content: bytes) -> None:
    sent = urllib.request.Request(
        request["url"],
        data=content,
        method=request["method"],
        headers=request["headers"],
    )
    with urllib.request.urlopen(sent) as response:
        assert response.status == 200


def completion(started: Answer) -> str:
    return f"/api/v1/uploads/{started.json['id']}/complete"


def test_headers_with_underscores_are_dropped(web: Function) -> None:
    # gunicorn drops these headers too, because they could imitate the proxy's headers.
    event = http_event("GET", "/healthz", headers={"host": "localhost"})
    event["headers"]["x_request_id"] = "someone-elses-id"

    answer = web.call(event)

    headers = {name.lower(): value for name, value in answer["headers"].items()}
    assert headers["x-request-id"] != "someone-elses-id"


@pytest.mark.parametrize(
    ("event", "word"),
    [
        (None, "not a JSON object"),
        ([], "not a JSON object"),
        ({}, "format 2.0"),
        ({"version": "1.0", "httpMethod": "GET", "path": "/"}, "format 2.0"),
        ({"version": "2.0"}, "A required text is missing"),
        (
            {"version": "2.0", "requestContext": {"http": 5}},
            "A required text is missing",
        ),
        ({"Records": []}, "format 2.0"),
    ],
)
def test_event_of_another_format_gets_a_400(
    web: Function, event: Any, word: str
) -> None:
    answer = web.call(event)

    assert answer["statusCode"] == 400
    assert word in json.loads(answer["body"])["detail"]


def test_event_with_a_malformed_field_gets_a_400(web: Function) -> None:
    whole = http_event("POST", "/api/v1/uploads", headers={"host": "localhost"})
    for change in (
        {"headers": None},
        {"headers": {"host": 5}},
        {"rawPath": None},
        {"cookies": [5]},
        {"cookies": "a=b"},
        {"body": {"a": 1}},
        {"body": "%%%", "isBase64Encoded": True},
    ):
        assert web.call({**whole, **change})["statusCode"] == 400, change
