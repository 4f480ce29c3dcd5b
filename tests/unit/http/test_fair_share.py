"""A client with many concurrent requests does not delay other clients."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from uploads.http.fair_share import (
    AT_ONCE,
    STRANGERS_AT_ONCE,
    FairShareMiddleware,
    Turns,
    credentials_of,
)

REQUESTS = 8
ENOUGH_SECONDS = 60


class SlowSite:
    """A site that sends its answers only after the test has set ``go``."""

    def __init__(self, full_at: int) -> None:
        self.full_at = full_at
        self.go = threading.Event()
        self.lock = threading.Lock()
        self.now = 0
        self.most = 0
        self.is_full = threading.Event()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            if self.now == self.full_at:
                self.is_full.set()
        assert self.go.wait(ENOUGH_SECONDS)
        with self.lock:
            self.now -= 1
        return HttpResponse("slow")


def request_of(session: str = "", token: str = "", address: str = "") -> HttpRequest:
    request = RequestFactory().get("/", REMOTE_ADDR=address or "192.0.2.1")
    if session:
        request.COOKIES["sessionid"] = session
    if token:
        request.META["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return request


@pytest.mark.parametrize(
    ("busy", "other"),
    [
        ({"session": "a"}, {"session": "b"}),
        ({"token": "a"}, {"token": "b"}),
        ({"address": "192.0.2.1"}, {"address": "192.0.2.2"}),
        ({"address": "192.0.2.1"}, {"session": "a"}),
        ({"session": "a"}, {}),
    ],
)
def test_busy_client_does_not_delay_another_client(
    busy: dict[str, str], other: dict[str, str]
) -> None:
    full_at = STRANGERS_AT_ONCE if "address" in busy else AT_ONCE
    slow = SlowSite(full_at)
    middleware = FairShareMiddleware(slow)
    middleware.turns = Turns(patience=ENOUGH_SECONDS)
    threads = [
        threading.Thread(target=middleware, args=(request_of(**busy),))
        for _ in range(REQUESTS)
    ]
    for thread in threads:
        thread.start()
    assert slow.is_full.wait(ENOUGH_SECONDS)

    middleware.get_response = lambda request: HttpResponse("quick")
    answer = middleware(request_of(**other))

    assert answer.content == b"quick"
    assert slow.most == full_at
    slow.go.set()
    for thread in threads:
        thread.join()
    assert len(middleware.turns) == 0


def test_request_waits_for_a_limited_time() -> None:
    turns = Turns(patience=0.01)
    entered = []

    def enter(depth: int) -> None:
        with turns.turn("a"):
            entered.append(depth)
            if depth < REQUESTS:
                enter(depth + 1)

    enter(1)

    assert len(entered) == REQUESTS
    assert len(turns) == 0


def test_clients_without_an_address_do_not_wait() -> None:
    turns = Turns(patience=ENOUGH_SECONDS)

    with turns.turn(""), turns.turn(""), turns.turn(""), turns.turn(""):
        assert len(turns) == 0


def test_request_that_raises_releases_its_turn() -> None:
    turns = Turns(patience=ENOUGH_SECONDS)

    for _ in range(2 * AT_ONCE):
        with pytest.raises(ZeroDivisionError), turns.turn("a"):
            raise ZeroDivisionError

    assert len(turns) == 0


def test_health_check_does_not_wait() -> None:
    middleware = FairShareMiddleware(lambda request: HttpResponse(request.path))
    middleware.turns = Turns(patience=ENOUGH_SECONDS)
    address = "192.0.2.1"

    with middleware.turns.turn(address, 1):
        for path in ("/healthz", "/readyz"):
            request = RequestFactory().get(path, REMOTE_ADDR=address)
            assert middleware(request).content == path.encode()


def test_session_id_like_an_address_uses_no_turn_of_this_address() -> None:
    """A session id must not count as the network address of another client."""
    middleware = FairShareMiddleware(lambda request: HttpResponse("quick"))
    middleware.turns = Turns(patience=ENOUGH_SECONDS)
    address = "192.0.2.1"
    keys: list[int] = []

    def inner(request: HttpRequest) -> HttpResponse:
        keys.append(len(middleware.turns))
        if len(keys) == 1:
            middleware(request_of(address=address))
        return HttpResponse("quick")

    middleware.get_response = inner
    middleware(request_of(session=address, address="198.51.100.1"))

    assert keys == [1, 2]


@pytest.mark.django_db
def test_streamed_answer_keeps_its_turn_until_it_is_closed() -> None:
    streamed: Any = StreamingHttpResponse(["a", "b"])
    middleware = FairShareMiddleware(lambda request: streamed)

    answer = middleware(request_of(session="a"))

    assert len(middleware.turns) == 1
    answer.close()
    assert len(middleware.turns) == 0


def test_request_with_session_and_token_has_two_credentials() -> None:
    """A client that sends invented sessions with a token must get no more turns."""
    both = request_of(session="a", token="b")
    assert credentials_of(both) == ["a", "bearer b"]
    assert credentials_of(request_of(token="b")) == ["bearer b"]
    assert credentials_of(request_of(address="192.0.2.1")) == []


def test_client_with_one_token_gets_no_more_turns_by_invented_sessions() -> None:
    slow = SlowSite(AT_ONCE)
    middleware = FairShareMiddleware(slow)
    middleware.turns = Turns(patience=ENOUGH_SECONDS)
    threads = [
        threading.Thread(
            target=middleware, args=(request_of(session=str(i), token="a"),)
        )
        for i in range(REQUESTS)
    ]
    for thread in threads:
        thread.start()
    assert slow.is_full.wait(ENOUGH_SECONDS)
    slow.go.set()
    for thread in threads:
        thread.join()

    assert slow.most == AT_ONCE
