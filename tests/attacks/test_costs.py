"""Small requests that need much CPU time or get long answers."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.attacks.people import Person, assert_problem
from tests.support.growth import TIMES, assert_linear_time
from uploads.http import csp_reports
from uploads.http.csp_reports import Budget

REQUESTS = 15
MAX_SLOWDOWN = 5


def report(length: int) -> bytes:
    half = "/" * (length // 2)
    facts = {
        "effective-directive": "img-src",
        "blocked-uri": f"http://x/{half}accounts{half}",
    }
    return json.dumps({"csp-report": facts}).encode()


def slashes(length: int) -> str:
    return "/" * (length // 2) + "accounts" + "/" * (length // 2)


def test_cost_of_slashes_grows_linearly_in_all_logged_texts(
    stranger: Person, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    # The site searches each log line for secrets, and clients choose parts of the line.
    monkeypatch.setattr(csp_reports, "budget", Budget(1_000_000))
    browser = stranger.browser
    ways: dict[str, Callable[[int], Any]] = {
        "path": lambda n: browser.get(slashes(n)),
        "path of the API": lambda n: browser.get(f"/api/v1{slashes(n)}"),
        "host": lambda n: browser.get("/", headers={"Host": "/" * n}),
        "request id": lambda n: browser.get("/", headers={"X-Request-ID": slashes(n)}),
        "report": lambda n: browser.post(
            "/csp-reports", report(n), "application/csp-report"
        ),
    }

    for name, send in ways.items():
        with subtests.test(name=name):
            assert_linear_time(send, 2_000, TIMES * 2_000, floor=0.002)


def many(item: Callable[[int], str], size: int = 1_000_000) -> str:
    """Return a list of items separated by commas, with about ``size`` characters."""
    one = len(item(0)) + 1
    return ",".join(item(number) for number in range(size // (one + 3)))


def name(number: int) -> str:
    return f'"{number:x}":1'


FLOODS: dict[str, tuple[str, str, str]] = {
    "unknown names at start": ("POST", "/uploads", "{" + many(name) + "}"),
    "unknown names at a rename": (
        *("PATCH", f"/uploads/{uuid.UUID(int=7)}"),
        "{" + many(name) + "}",
    ),
    "empty uploads": (
        *("POST", "/uploads/batch"),
        '{"uploads":[' + many(lambda _: "{}", 900_000) + "]}",
    ),
    "a hundred uploads with unknown names": (
        *("POST", "/uploads/batch"),
        '{"uploads":[' + ",".join(["{" + many(name, 9_000) + "}"] * 100) + "]}",
    ),
    "numbers for ids": (
        *("POST", "/uploads/complete-batch"),
        '{"ids":[' + many(lambda _: "1", 900_000) + "]}",
    ),
    "numbers for parts": (
        *("POST", f"/uploads/{uuid.UUID(int=7)}/parts"),
        '{"parts":[' + many(lambda _: "1", 900_000) + "]}",
    ),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_megabyte_of_json_is_refused_quickly_with_a_short_answer(
    alice: Person, flood: str
) -> None:
    # An earlier version used two seconds of CPU time and answered with 5 MB, before it
    # checked any rate limit.
    method, path, text = FLOODS[flood]
    body = text.encode()
    assert 100_000 < len(body) < 1024 * 1024

    started = time.thread_time()
    answer = alice.browser.generic(
        method, f"/api/v1{path}", body, content_type="application/json"
    )
    seconds = time.thread_time() - started

    assert_problem(answer, 422, "invalid_request")
    assert len(answer.content) < 5_000
    assert seconds < 0.5


def test_cost_of_many_accents_on_one_letter_is_limited(alice: Person) -> None:
    # The Unicode normalisation sorts the accents of a letter in quadratic time.
    many_accents = "a" + "\u0315\u0300\u05ae\u0334" * 1000
    item = {
        "filename": many_accents[:1024],
        "relative_path": many_accents,
        "byte_size": 1,
        "content_type": "text/plain",
    }

    started = time.thread_time()
    answer = alice.call("POST", "/uploads/batch", {"uploads": [item] * 20})
    page = alice.browser.post(
        f"/uploads/{uuid.uuid4()}/rename/", {"filename": many_accents * 20}
    )
    seconds = time.thread_time() - started

    assert answer.status_code == 200
    assert page.status_code == 404
    assert seconds < 2
