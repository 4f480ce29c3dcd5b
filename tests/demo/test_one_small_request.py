"""While somebody sends what used to be dear, the site answers everybody else."""

from __future__ import annotations

import http.client
import http.cookiejar
import json
import statistics
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.demo.sites import Demo
from uploads.dev.ports import HOST

ASKS = 25
MAX_SLOWDOWN = 5
Headers = dict[str, str]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    site = Demo.on_free_ports(tmp_path_factory.mktemp("site"))
    site.start()
    yield site
    site.end()


def log_in(demo: Demo, name: str) -> Headers:
    """Return the headers of a browser in which ``name`` has logged in."""
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
    return {
        "Cookie": "; ".join(f"{key}={value}" for key, value in cookies.items()),
        "X-CSRFToken": cookies["csrftoken"],
    }


def _cookies(jar: http.cookiejar.CookieJar) -> dict[str, str]:
    return {cookie.name: str(cookie.value) for cookie in jar}


def ask(
    demo: Demo, method: str, path: str, headers: Headers, body: bytes | None = None
) -> int:
    connection = http.client.HTTPConnection(HOST, demo.port, timeout=100)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def median_of_me(demo: Demo, headers: Headers) -> float:
    times = []
    for _ in range(ASKS):
        started = time.monotonic()
        assert ask(demo, "GET", "/api/v1/me", headers) == 200
        times.append(time.monotonic() - started)
        time.sleep(0.05)
    return statistics.median(times)


@contextmanager
def at_once(count: int, act: Callable[[], int], expected: int) -> Iterator[None]:
    """Let ``count`` threads do ``act`` without a pause for as long as the block lasts."""
    over = threading.Event()
    seen: list[int] = []

    def go() -> None:
        while not over.is_set():
            seen.append(act())

    threads = [threading.Thread(target=go) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert set(seen) == {expected}
    assert len(seen) >= 10


def report() -> bytes:
    half = "/" * 8000
    url = f"http://x/{half}accounts{half}"[:16_000]
    facts = {"effective-directive": "img-src", "blocked-uri": url}
    return json.dumps({"csp-report": facts}).encode()


def unknown_names() -> bytes:
    names = ",".join(f'"{number:x}":1' for number in range(110_000))
    return ("{" + names + "}").encode()


def test_reports_of_strangers_keep_nobody_waiting(demo: Demo) -> None:
    other = log_in(demo, "admin")
    quiet = median_of_me(demo, other)
    kind = {"Content-Type": "application/csp-report"}

    with at_once(8, lambda: ask(demo, "POST", "/csp-reports", kind, report()), 204):
        meanwhile = median_of_me(demo, other)

    assert meanwhile < MAX_SLOWDOWN * quiet, (quiet, meanwhile)


def test_addresses_of_slashes_keep_nobody_waiting(demo: Demo) -> None:
    other = log_in(demo, "admin")
    quiet = median_of_me(demo, other)
    path = "/" * 2000 + "accounts" + "/" * 1900

    with at_once(4, lambda: ask(demo, "GET", path, {}), 404):
        meanwhile = median_of_me(demo, other)

    assert meanwhile < MAX_SLOWDOWN * quiet, (quiet, meanwhile)


def test_bodies_of_a_megabyte_keep_nobody_waiting(demo: Demo) -> None:
    attacker = {**log_in(demo, "demo"), "Content-Type": "application/json"}
    other = log_in(demo, "admin")
    quiet = median_of_me(demo, other)
    body = unknown_names()

    def flood() -> int:
        return ask(demo, "POST", "/api/v1/uploads", attacker, body)

    with at_once(2, flood, 422):
        meanwhile = median_of_me(demo, other)

    assert meanwhile < MAX_SLOWDOWN * quiet, (quiet, meanwhile)


def test_bodies_of_strangers_are_not_even_read(demo: Demo) -> None:
    other = log_in(demo, "admin")
    quiet = median_of_me(demo, other)
    kind = {"Content-Type": "application/json"}
    body = unknown_names()

    def flood() -> int:
        return ask(demo, "POST", "/api/v1/uploads", kind, body)

    with at_once(2, flood, 401):
        meanwhile = median_of_me(demo, other)

    assert meanwhile < MAX_SLOWDOWN * quiet, (quiet, meanwhile)
