"""The CPU time of each parser grows linearly with its input, and no input raises."""

from __future__ import annotations

import ast
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client, RequestFactory

from tests.support.growth import TIMES, assert_linear_time
from tests.support.routes import all_paths
from uploads.access.addresses import client_address
from uploads.access.rates import recipient
from uploads.access.tokens import use_token
from uploads.accounts.browsers import describe
from uploads.accounts.passkeys import CredentialField
from uploads.admin.byte_sizes import ByteSizeField
from uploads.admin.policies import ContentTypesField
from uploads.api import cursors, hooks
from uploads.errors import InvalidRequest
from uploads.http import csp_reports
from uploads.http.csp_reports import Budget
from uploads.http.logs import without_secrets
from uploads.s3.content_disposition import content_disposition
from uploads.s3.keys import row_key
from uploads.s3.notifications import UnreadableNotification, parse_notification
from uploads.text.filenames import (
    chosen_filename,
    clean_filename,
    clean_relative_path,
    printable,
)
from uploads.text.spreadsheets import cell

if TYPE_CHECKING:
    from pytest_django import Settings

    from uploads.s3.bucket import Bucket

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

ROOT = Path(__file__).resolve().parent.parent.parent
REFUSALS = (InvalidRequest, ValidationError, UnreadableNotification, ValueError)

TEXTS: dict[str, Callable[[int], str]] = {
    "letters": lambda n: "a" * n,
    "slashes": lambda n: "/" * n,
    "backslashes": lambda n: "\\" * n,
    "tabs": lambda n: "\t" * n + "x",
    "folders": lambda n: "a/" * (n // 2),
    "parent folders": lambda n: "../" * (n // 3),
    "spaces and a letter": lambda n: " " * n + "x",
    "dots and a letter": lambda n: "." * n + "x",
    "spaces and dots": lambda n: " ." * (n // 2) + "x",
    "digits": lambda n: "9" * n,
    "digits and a dot": lambda n: "9" * (n // 2) + "." + "9" * (n // 2),
    "commas": lambda n: "," * n,
    "semicolons": lambda n: ";" * n,
    "quotes": lambda n: '";' * (n // 2),
    "percent signs": lambda n: "%2" * (n // 2),
    "equals signs": lambda n: "=" * n,
    "brackets": lambda n: "[" * n,
    "objects": lambda n: '{"a":' * (n // 5),
    "colons": lambda n: ":" * n,
    "combining marks on one letter": lambda n: "\u0301\u0327" * (n // 2),
    "unsorted combining marks": lambda n: "a" + "\u0315\u0300\u05ae\u0334" * (n // 4),
    "joiners": lambda n: "\u200d" * n,
    "right-to-left overrides": lambda n: "\u202e" * n,
    "lone surrogates": lambda n: "\ud800" * n,
    "flags": lambda n: "\U0001f3f4\U000e0067" * (n // 2),
    "a path with the word accounts": lambda n: (
        "/" * (n // 2) + "accounts" + "/" * (n // 2)
    ),
    "incomplete reset links": lambda n: "/accounts/reset/a" * (n // 17),
}
"""Hostile texts. Each of them has been slow in some parser."""


def _request(**meta: str) -> Any:
    return RequestFactory().get("/", headers=None, **meta)  # type: ignore[arg-type]


def _records(n: int) -> str:
    record = {
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "b"}, "object": {"key": "k"}},
    }
    return json.dumps({"Records": [record] * (n // 90)})


def _wrapped(n: int) -> str:
    message = json.dumps({"Event": "s3:TestEvent"})
    inner = json.dumps({"Records": [{"Sns": {"Message": message}}] * (n // 60)})
    return json.dumps({"Type": "Notification", "Message": inner})


def _reports(text: str) -> str:
    facts = {"effective-directive": "img-src", "blocked-uri": f"http://x/{text}"}
    return json.dumps({"csp-report": facts})


PARSERS: dict[str, Callable[[str], object]] = {
    "log lines": without_secrets,
    "cells of a spreadsheet": cell,
    "file names": clean_filename,
    "chosen names": chosen_filename,
    "relative paths": clean_relative_path,
    "visible characters": printable,
    "names of downloads": lambda text: content_disposition("attachment", text),
    "keys in notifications": row_key,
    "notifications": parse_notification,
    "cursors": cursors._decode,
    "browsers": describe,
    "mailboxes": recipient,
    "tokens": use_token,
    "sizes": ByteSizeField().clean,
    "content types of a policy": ContentTypesField().clean,
    "passkeys": CredentialField().clean,
    "credentials of hooks": lambda text: hooks._password(
        text.encode("utf-8", "replace")
    ),
    "forwarded addresses": lambda text: client_address(
        _request(HTTP_X_FORWARDED_FOR=text)
    ),
    "connected addresses": lambda text: client_address(_request(REMOTE_ADDR=text)),
    "reports": lambda text: list(
        csp_reports._reports(_reports(text).encode("utf-8", "replace"))
    ),
    "whole bodies of reports": lambda text: list(
        csp_reports._reports(text.encode("utf-8", "replace"))
    ),
}
SHAPES: dict[str, tuple[Callable[[int], str], Callable[[str], object]]] = {
    "records": (_records, parse_notification),
    "wrapped notifications": (_wrapped, parse_notification),
}


def ignore_refusals(parse: Callable[[str], object]) -> Callable[[str], None]:
    def act(text: str) -> None:
        try:
            parse(text)
        except REFUSALS:
            return

    return act


@pytest.fixture(autouse=True)
def _raise_limits(settings: Settings, monkeypatch: Any) -> None:
    settings.TRUSTED_PROXY_COUNT = 1
    monkeypatch.setattr(csp_reports, "budget", Budget(1_000_000))
    # Raise the limit, so that the parsers read the whole input.
    monkeypatch.setattr(csp_reports, "MAX_BODY_BYTES", 1_000_000)


@pytest.mark.parametrize("name", PARSERS)
def test_parser_is_linear_in_long_texts(name: str, subtests: pytest.Subtests) -> None:
    act = ignore_refusals(PARSERS[name])
    for text, make in TEXTS.items():
        with subtests.test(name=name, text=text):
            assert_linear_time(act, make(2_000), make(TIMES * 2_000), floor=0.001)


@pytest.mark.parametrize("name", SHAPES)
def test_parser_is_linear_in_the_number_of_items(name: str) -> None:
    make, parse = SHAPES[name]

    assert_linear_time(parse, make(20_000), make(TIMES * 20_000))


PARSING_CALLS = {
    *("loads", "b64decode", "urlsafe_b64decode", "urlsplit", "fromisoformat"),
    *("ip_address", "UUID", "Decimal", "unquote_plus", "parse_header_parameters"),
}
TRUSTED_INPUT = {"dev", "doctor", "inspection", "migrations", "s3"}
"""Packages that parse settings, answers of S3, or content within a budget."""

TESTED_BY_REQUESTS = {
    *("uploads/admin/byte_sizes.py", "uploads/api/cursors.py", "uploads/api/hooks.py"),
    *(
        "uploads/api/parsing.py",
        "uploads/accounts/passkeys.py",
        "uploads/access/addresses.py",
    ),
    *(
        "uploads/http/csp_reports.py",
        "uploads/http/requests.py",
    ),
    *("uploads/admin/searching.py", "uploads/admin/events.py"),
}
OF_OUR_OWN = {
    "config/serverless/secrets.py": "secrets of the operator",
    "config/serverless/web.py": "events of API Gateway, which limits them",
    "uploads/api/batches.py": "heads of at most 4 KiB",
    "uploads/api/field_types.py": "heads of at most 4 KiB",
    "uploads/checks.py": "settings",
    "uploads/conf.py": "settings",
    "uploads/access/links.py": "settings",
    "uploads/text/sizes.py": "numbers",
    "uploads/text/hosts.py": "settings",
    "uploads/views/metrics.py": "settings, and the address of the connection",
    "uploads/views/wording.py": "rows",
    "uploads/trail/receivers/admin_entries.py": "what Django's admin writes",
}
"""Modules that parse no text chosen by a client, with the source of their text."""


def test_every_parsing_module_is_tested_or_listed_with_a_reason() -> None:
    parsing = {
        str(path.relative_to(ROOT))
        for folder in ("uploads", "config")
        for path in (ROOT / folder).rglob("*.py")
        if not TRUSTED_INPUT & set(path.parts)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and _name_of(node.func) in PARSING_CALLS
    }

    assert parsing == TESTED_BY_REQUESTS | OF_OUR_OWN.keys()


def _name_of(function: ast.expr) -> str:
    return getattr(function, "attr", "") or getattr(function, "id", "")


@dataclass(frozen=True)
class Hostile:
    """A request with one or more hostile parts."""

    method: str = "GET"
    query: str = ""
    body: bytes = b""
    content_type: str = ""
    header: str = ""
    value: str = ""

    def send(self, browser: Client, path: str) -> int:
        more: dict[str, Any] = {self.header: self.value} if self.header else {}
        answer = browser.generic(
            self.method,
            path,
            self.body,
            content_type=self.content_type,
            QUERY_STRING=self.query,
            **more,
        )
        return answer.status_code


HEADERS = (
    *("HTTP_HOST", "HTTP_X_FORWARDED_FOR", "HTTP_AUTHORIZATION", "HTTP_COOKIE"),
    *("HTTP_ACCEPT", "HTTP_ACCEPT_LANGUAGE", "HTTP_ACCEPT_ENCODING", "HTTP_RANGE"),
    *("HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_REFERER"),
    *("HTTP_ORIGIN", "HTTP_USER_AGENT", "HTTP_X_REQUEST_ID", "HTTP_X_CSRFTOKEN"),
    *("HTTP_X_SLIPWAY_USER", "HTTP_IDEMPOTENCY_KEY", "HTTP_X_FORWARDED_PROTO"),
)
LATIN = {name: make for name, make in TEXTS.items() if make(8).isascii()}
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"


def _part(name: str, content: str) -> str:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{content}\r\n'


FORMS: dict[str, Callable[[int], tuple[bytes, str]]] = {
    "one long field": lambda n: (b"username=" + b"a" * n, FORM),
    "escapes": lambda n: (b"filename=" + b"%C3%A9" * (n // 6), FORM),
    "marks": lambda n: (b"filename=a" + b"%CC%81%CC%A7" * (n // 12), FORM),
    "many fields": lambda n: (b"a=1&" * (n // 4), FORM),
    "no fields": lambda n: (b"&" * n, FORM),
    "a nested credential": lambda n: (b"credential=" + b"[" * n, FORM),
    "many parts": lambda n: (
        _part("a", "1").encode() * (n // 60) + b"--b--",
        MULTIPART,
    ),
    "one long part": lambda n: (_part("a", "1" * n).encode() + b"--b--", MULTIPART),
    "a long header of a part": lambda n: (
        (b'--b\r\nContent-Disposition: form-data; name="' + b";" * n + b'"\r\n\r\n'),
        MULTIPART,
    ),
    "false boundaries": lambda n: (b"\r\n--" * (n // 4), MULTIPART),
    "base64 with spaces": lambda n: (
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n" + b" " * n + b"A\r\n--b--",
        MULTIPART,
    ),
}


@pytest.fixture(params=["visitor", "operator"])
def browser(request: pytest.FixtureRequest, settings: Settings) -> Client:
    # The two clients are a visitor without a login, and an operator, who may open all
    # pages.
    settings.ALLOWED_HOSTS = ["*"]
    settings.UPLOADS = settings.UPLOADS | dict.fromkeys(
        (
            *("RATE_RESET", "RATE_RESET_PER_ADDRESS", "RATE_LOGIN"),
            *("RATE_LOGIN_PER_ADDRESS", "RATE_SESSION", "RATE_SESSION_PER_ADDRESS"),
        ),
        "off",
    )
    client = Client()
    if request.param == "operator":
        client.force_login(User.objects.create_superuser("root"))
    return client


SIZES = (1_000, TIMES * 1_000)


def assert_linear_requests(
    browser: Client, path: str, small: Hostile, large: Hostile
) -> None:
    def act(request: Hostile) -> None:
        assert request.send(browser, path) < 500

    assert_linear_time(act, small, large, floor=0.006)


@pytest.mark.parametrize("header", HEADERS)
def test_cost_of_headers_grows_linearly(
    browser: Client, bucket: Bucket, header: str, subtests: pytest.Subtests
) -> None:
    for path in ("/healthz", "/accounts/login/", "/api/v1/uploads", "/static/css/x"):
        for name, make in LATIN.items():
            with subtests.test(path=path, name=name):
                both = [Hostile(header=header, value=make(n)) for n in SIZES]
                assert_linear_requests(browser, path, *both)


def test_cost_of_content_types_grows_linearly(
    browser: Client, bucket: Bucket, subtests: pytest.Subtests
) -> None:
    kinds = ("", "multipart/form-data; boundary=", "text/plain; charset=", 'a/b;c="')
    for path in ("/accounts/login/", "/api/v1/uploads", "/csp-reports"):
        for kind in kinds:
            for name, make in LATIN.items():
                with subtests.test(path=path, kind=kind, name=name):
                    types = [kind + make(n) for n in SIZES]
                    assert_linear_requests(
                        browser,
                        path,
                        *[Hostile("POST", content_type=one) for one in types],
                    )


PREFIXES = ("/", "/accounts/reset/", "/api/v1/uploads/", "/admin/uploads/", "/static/")


def test_cost_of_paths_grows_linearly(
    browser: Client, bucket: Bucket, subtests: pytest.Subtests
) -> None:
    def act(path: str) -> None:
        assert browser.get(path).status_code < 500

    for prefix in PREFIXES:
        for name, make in LATIN.items():
            with subtests.test(prefix=prefix, name=name):
                both = [prefix + make(n).replace("%", "%25") for n in SIZES]
                assert_linear_time(act, *both, floor=0.006)


FIELDS = ("q", "cursor", "next", "o", "p", "e")
FILTERS = ("owner", "account", "actor", "created_at__year", "at__year", "kind")
IN_QUERIES: dict[str, Callable[[int], str]] = {
    "words": lambda n: "a+" * (n // 2),
    "letters": lambda n: "a" * n,
    "digits": lambda n: "9" * n,
    "spaces and a letter": lambda n: "+" * n + "x",
    "quotes": lambda n: '"' * n,
    "escapes": lambda n: "%25_" * (n // 4),
    "marks": lambda n: "a" + "%CC%81%CC%A7" * (n // 12),
}
QUERIES: dict[str, Callable[[int], str]] = {
    "many names": lambda n: "a=1&" * (n // 4),
    "one name many times": lambda n: "q=1&" * (n // 4),
    "many filters": lambda n: "&".join(f"a{i}__x=1" for i in range(n // 8)),
}


def queries(path: str) -> Iterator[tuple[str, list[Hostile]]]:
    filters = FILTERS if path.startswith("admin/") else ()
    for field in (*FIELDS, *filters):
        for name, make in IN_QUERIES.items():
            if field in FILTERS and name not in {"digits", "words"}:
                continue  # FIELDS already test the other texts
            texts = [f"{field}={make(n)}" for n in SIZES]
            yield f"{field}, {name}", [Hostile(query=text) for text in texts]
    for name, make in QUERIES.items():
        yield name, [Hostile(query=make(n)) for n in SIZES]


def paths() -> list[str]:
    """Return the paths of all pages, but only the upper levels of the admin."""
    found = all_paths()
    assert len(found) > 60, "The test has found too few paths to prove anything."
    return [path for path in found if path.count("/") <= 3 or "admin/" not in path]


def test_cost_of_queries_grows_linearly(
    browser: Client, bucket: Bucket, subtests: pytest.Subtests
) -> None:
    lists = [path for path in paths() if path.startswith("admin/")]
    if SESSION_KEY not in browser.session:
        lists = []  # the admin redirects to the login
    for path in ("", "api/v1/uploads", "accounts/login/", *lists):
        for name, both in queries(path):
            with subtests.test(path=path, name=name):
                assert_linear_requests(browser, f"/{path}", *both)


def test_cost_of_forms_grows_linearly(
    browser: Client, bucket: Bucket, subtests: pytest.Subtests
) -> None:
    for path in paths():
        for name, make in FORMS.items():
            with subtests.test(path=path, name=name):
                bodies = [make(16 * n) for n in SIZES]
                both = [
                    Hostile("POST", body=body, content_type=of) for body, of in bodies
                ]
                assert_linear_requests(browser, f"/{path}", *both)


def _pad(item: str, n: int) -> str:
    return ",".join([item] * (n // (len(item) + 1)))


def _names(n: int) -> str:
    return ",".join(f'"{i:x}":1' for i in range(n // 9))


SOME_ID = uuid.UUID(int=7)
START = '{"filename":"a","byte_size":1,"content_type":"text/plain"'
BODIES: dict[str, Callable[[int], str]] = {
    "unknown names": lambda n: "{" + _names(n) + "}",
    "one name many times": lambda n: "{" + _pad('"a":1', n) + "}",
    "empty objects": lambda n: '{"uploads":[' + _pad("{}", n) + "]}",
    "objects with a few names": lambda n: (
        '{"uploads":[' + _pad('{"a":1,"b":2}', n) + "]}"
    ),
    "a hundred objects with many names": lambda n: (
        '{"uploads":[' + _pad("{" + _names(n // 100) + "}", n) + "]}"
    ),
    "numbers for ids": lambda n: '{"ids":[' + _pad("1", n) + "]}",
    "texts for ids": lambda n: '{"ids":[' + _pad('"x"', n) + "]}",
    "valid ids": lambda n: '{"ids":[' + _pad(f'"{SOME_ID}"', n) + "]}",
    "numbers for parts": lambda n: '{"parts":[' + _pad("1", n) + "]}",
    "empty lists": lambda n: '{"ids":[' + _pad("[]", n) + "]}",
    "nested lists": lambda n: "[" * n,
    "nested objects": lambda n: '{"a":' * (n // 5),
    "a large number": lambda n: '{"byte_size":' + "9" * n + "}",
    "many large numbers": lambda n: '{"ids":[' + _pad("9" * 4_000, n) + "]}",
    "a long fraction": lambda n: '{"byte_size":0.' + "9" * n + "}",
    "a long name of a field": lambda n: '{"' + "a" * n + '":1}',
    "a long file name": lambda n: START + ',"x":"' + "a" * n + '"}',
    "many combining marks": lambda n: (
        '{"filename":"a' + "\\u0301\\u0327" * (n // 12) + '"}'
    ),
    "escapes": lambda n: '{"filename":"' + "\\ud83d\\ude00" * (n // 12) + '"}',
    "half surrogate pairs": lambda n: '{"filename":"' + "\\ud83d" * (n // 6) + '"}',
    "blanks": lambda n: " " * n,
    "open quotes": lambda n: '"' + "\\" * n,
}
ENDPOINTS = (
    ("POST", "/api/v1/uploads"),
    ("POST", "/api/v1/uploads/batch"),
    ("POST", "/api/v1/uploads/complete-batch"),
    ("POST", f"/api/v1/uploads/{SOME_ID}/parts"),
    ("PATCH", f"/api/v1/uploads/{SOME_ID}"),
)
LARGEST = 1_048_000


def test_cost_of_json_bodies_grows_linearly_and_answers_are_small(
    browser: Client, bucket: Bucket, subtests: pytest.Subtests
) -> None:
    for method, path in ENDPOINTS:

        def act(body: bytes, method: str = method, path: str = path) -> None:
            kind = "application/json"
            answer = browser.generic(method, path, body, content_type=kind)
            assert 400 <= answer.status_code < 500
            assert len(answer.content) < 10_000

        for name, make in BODIES.items():
            with subtests.test(method=method, path=path, name=name):
                both = [make(n).encode() for n in (LARGEST // TIMES, LARGEST)]
                assert_linear_time(act, *both, floor=0.005)
