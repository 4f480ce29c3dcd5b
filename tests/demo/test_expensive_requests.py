"""The site answers small requests quickly while a client sends expensive requests."""

from __future__ import annotations

import itertools
import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.demo.people import Person, request_status
from tests.demo.sites import Demo
from tests.support.archives import packed

REQUESTS = 25
ROUNDS = 5
MAX_SLOWDOWN = 5


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    site = Demo.on_free_ports(tmp_path_factory.mktemp("site"))
    site.start()
    yield site
    site.end()


def median_of_me(person: Person) -> float:
    times = []
    for _ in range(REQUESTS):
        started = time.monotonic()
        assert person.request_status("GET", "/me") == 200
        times.append(time.monotonic() - started)
        time.sleep(0.02)
    return statistics.median(times)


@contextmanager
def calling_repeatedly(
    count: int, act: Callable[[], int], expected: set[int]
) -> Iterator[None]:
    """Let ``count`` threads call ``act`` without a pause until the block ends."""
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
    assert set(seen) <= expected
    assert len(seen) >= count


def assert_not_delayed(
    other: Person, count: int, act: Callable[[], int], expected: set[int]
) -> None:
    """Compare the time of a small request with and without expensive requests.

    Other programs may slow down single rounds, so the test uses the best round.
    """
    seen = []
    for _ in range(ROUNDS):
        quiet = median_of_me(other)
        with calling_repeatedly(count, act, expected):
            meanwhile = median_of_me(other)
        seen.append((round(meanwhile / quiet, 1), quiet, meanwhile))
        if meanwhile < MAX_SLOWDOWN * quiet:
            return
    pytest.fail(f"slowdown, seconds alone, seconds during expensive requests: {seen}")


def report() -> bytes:
    half = "/" * 8000
    url = f"http://x/{half}accounts{half}"[:16_000]
    facts = {"effective-directive": "img-src", "blocked-uri": url}
    return json.dumps({"csp-report": facts}).encode()


def unknown_names() -> bytes:
    names = ",".join(f'"{number:x}":1' for number in range(110_000))
    return ("{" + names + "}").encode()


def test_large_csp_reports_do_not_delay_small_requests(demo: Demo) -> None:
    kind = {"Content-Type": "application/csp-report"}

    assert_not_delayed(
        Person.log_in(demo, "admin"),
        8,
        lambda: request_status(demo, "POST", "/csp-reports", kind, report()),
        {204},
    )


def test_paths_of_many_slashes_do_not_delay_small_requests(demo: Demo) -> None:
    path = "/" * 2000 + "accounts" + "/" * 1900

    assert_not_delayed(
        Person.log_in(demo, "admin"),
        8,
        lambda: request_status(demo, "GET", path, {}),
        {404},
    )


def test_completions_of_an_archive_do_not_delay_small_requests(demo: Demo) -> None:
    attacker = Person.log_in(demo, "demo")
    files = [(f"{number}.txt", b"%d" % number) for number in range(800)]
    archive = packed(*files)
    lock = threading.Lock()
    turns = itertools.count()
    ids: list[str] = []

    def complete() -> int:
        # Complete each archive eight times concurrently.
        with lock:
            if next(turns) % 8 == 0 and len(ids) < 20:
                ids.append(attacker.send(archive, "docs.zip"))
            upload_id = ids[-1]
        return attacker.request_status("POST", f"/uploads/{upload_id}/complete")

    assert_not_delayed(Person.log_in(demo, "admin"), 8, complete, {200})


def test_bodies_of_a_megabyte_do_not_delay_small_requests(demo: Demo) -> None:
    attacker = Person.log_in(demo, "demo")
    body = unknown_names()

    assert_not_delayed(
        Person.log_in(demo, "admin"),
        2,
        lambda: attacker.request_status("POST", "/uploads", body),
        {422, 429},  # a fast machine reaches the rate limit
    )


def test_bodies_without_a_login_do_not_delay_small_requests(demo: Demo) -> None:
    kind = {"Content-Type": "application/json"}
    body = unknown_names()

    assert_not_delayed(
        Person.log_in(demo, "admin"),
        2,
        lambda: request_status(demo, "POST", "/api/v1/uploads", kind, body),
        {401},
    )
