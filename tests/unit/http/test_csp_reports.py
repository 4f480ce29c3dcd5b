"""The site writes one log line of limited length for each report of a violation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.test import Client

from uploads.http import csp_reports
from uploads.http.csp_reports import MAX_BODY_BYTES, MAX_LINES_A_MINUTE, Budget

OLD = {
    "csp-report": {
        "document-uri": "https://files.example.com/?q=a+secret#more",
        "referrer": "https://files.example.com/from",
        "violated-directive": "script-src-elem",
        "effective-directive": "script-src-elem",
        "original-policy": "default-src 'none'; report-uri /csp-reports",
        "disposition": "enforce",
        "blocked-uri": "https://evil.example:8443/x.js?X-Amz-Signature=abc",
        "line-number": 12,
        "column-number": 7,
        "source-file": "https://files.example.com/static/build/main.js",
        "status-code": 200,
        "script-sample": "document.title = 'secret'",
    }
}
NEW = [
    {
        "type": "csp-violation",
        "age": 5,
        "url": "https://files.example.com/?q=a+secret",
        "user_agent": "Mozilla/5.0",
        "body": {
            "documentURL": "https://files.example.com/?q=a+secret#more",
            "effectiveDirective": "script-src-elem",
            "disposition": "enforce",
            "blockedURL": "https://evil.example:8443/x.js?X-Amz-Signature=abc",
            "lineNumber": 12,
            "columnNumber": 7,
            "sourceFile": "https://files.example.com/static/build/main.js",
            "sample": "document.title = 'secret'",
            "originalPolicy": "default-src 'none'",
        },
    }
]


@pytest.fixture(autouse=True)
def _full_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csp_reports, "budget", Budget(MAX_LINES_A_MINUTE))


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Collect the fields of logged reports."""
    with structlog.testing.capture_logs() as seen:
        monkeypatch.setattr(csp_reports, "logger", structlog.get_logger("slipway.csp"))
        yield seen


def violations(lines: list[Any]) -> list[Any]:
    return [line for line in lines if line["event"] == "csp.violation"]


def send(body: Any, content_type: str = "application/csp-report") -> int:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    browser = Client(enforce_csrf_checks=True)
    return browser.post("/csp-reports", sent, content_type).status_code


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(OLD, "application/csp-report"), (NEW, "application/reports+json")],
    ids=["report-uri", "report-to"],
)
def test_report_is_logged_as_one_line_with_the_known_fields(
    lines: list[Any], body: Any, content_type: str
) -> None:
    assert send(body, content_type) == 204

    [line] = violations(lines)
    assert line == {
        "event": "csp.violation",
        "log_level": "warning",
        "document": "https://files.example.com/",
        "blocked": "https://evil.example:8443/x.js",
        "source": "https://files.example.com/static/build/main.js",
        "directive": "script-src-elem",
        "line": 12,
        "left_out": 0,
    }


@pytest.mark.parametrize(
    ("sent", "logged"),
    [
        ("inline", "inline"),
        ("eval", "eval"),
        ("trusted-types-sink", "trusted-types-sink"),
        ("data", "data"),
        ("data:text/html,<b>the file itself</b>", "data:"),
        ("blob:https://files.example.com/6d1f0a52", "blob:"),
        ("chrome-extension://abcdef/x.js", "chrome-extension:"),
        ("https://name:password@a.example/x?y#z", "https://a.example/x"),
        (
            "https://a.example/accounts/reset/MQ/c1x-secret/",
            "https://a.example/accounts/reset/MQ/.../",
        ),
        ("https://[::1/x", "unreadable"),
        ("https://a.example:99999/", "unreadable"),
        ("https://a.example/\u2028\x1b[31m\nforged", "https://a.example/?[31mforged"),
        ("https://a.example/" + "x" * 500, "https://a.example/" + "x" * 182),
    ],
)
def test_url_is_logged_without_query_and_fragment(
    lines: list[Any], sent: str, logged: str
) -> None:
    send({"csp-report": {**OLD["csp-report"], "blocked-uri": sent}})

    assert violations(lines)[0]["blocked"] == logged


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"effective-directive": ""},
        {"effective-directive": ["script-src"]},
        {"effective-directive": "script-src\nforged"},
        {"effective-directive": "s" * 41},
        {"effective-directive": {"a": {"b": 1}}},
    ],
    ids=str,
)
def test_report_without_a_directive_is_ignored(
    lines: list[Any], facts: dict[str, Any]
) -> None:
    assert send({"csp-report": facts}) == 204

    assert violations(lines) == []


@pytest.mark.parametrize(
    "number", [-1, True, 1.5, "12", None, [1], 2**31, 10**400], ids=str
)
def test_invalid_line_number_is_omitted(lines: list[Any], number: object) -> None:
    send({"csp-report": {**OLD["csp-report"], "line-number": number}})

    assert "line" not in violations(lines)[0]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"csp-report"',
        b"[[[]]]",
        b"{",
        b"\xff\xfe\x00",
        b'{"csp-report": 1}',
        b'{"csp-report": null}',
        b'[{"body": []}]',
        b"[" * MAX_BODY_BYTES,
        b'{"csp-report":' * 1000,
        b"9" * 10_000,
        b'{"csp-report": {"effective-directive": "img-src"}}' + b" " * MAX_BODY_BYTES,
    ],
    ids=lambda body: f"{body[:20]!r} of {len(body)}",
)
def test_body_that_is_no_report_is_ignored(lines: list[Any], body: bytes) -> None:
    assert send(body) == 204

    assert violations(lines) == []


def test_body_with_many_reports_becomes_at_most_ten_lines(lines: list[Any]) -> None:
    small = {"body": {"effectiveDirective": "img-src"}}

    assert send([small] * 200) == 204

    assert len(violations(lines)) == 10


def test_flood_of_reports_writes_a_limited_number_of_lines(lines: list[Any]) -> None:
    for _ in range(MAX_LINES_A_MINUTE + 20):
        assert send(OLD) == 204

    assert len(violations(lines)) == MAX_LINES_A_MINUTE


def test_first_report_after_a_minute_has_the_number_of_dropped_reports() -> None:
    now = 0.0
    budget = Budget(2, clock=lambda: now)

    assert [budget.spend() for _ in range(5)] == [0, 0, None, None, None]
    now = 59.9
    assert budget.spend() is None
    now = 60
    assert [budget.spend(), budget.spend(), budget.spend()] == [4, 0, None]


@pytest.mark.parametrize("method", ["get", "put", "delete", "options"])
def test_reports_require_a_post(method: str) -> None:
    assert getattr(Client(), method)("/csp-reports").status_code == 405
