"""One client uses only a part of a web process, so that all others are answered.

The threads of a Python process share one lock. A client with eight requests at once
would slow down every other request by a factor of eight or more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from uploads.access.addresses import client_address

AT_ONCE = 3
"""Requests of one client that a process works on at the same time. Others wait."""

STRANGERS_AT_ONCE = 2
"""The same for all requests without a session and a token from one address."""

PATIENCE_SECONDS = 2.0
"""After this time a request stops waiting. So a slow S3 server blocks no client."""

MAX_KEY = 200
HEALTH = frozenset({"/healthz", "/readyz"})
"""A monitor behind the address of a busy client gets its answer at once."""


@dataclass
class _Client:
    turns: threading.Semaphore
    requests: int = 0


class Turns:
    """The requests of all clients in this process. Thread-safe."""

    def __init__(self, patience: float = PATIENCE_SECONDS) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._clients: dict[str, _Client] = {}

    @contextmanager
    def turn(self, key: str, at_once: int = AT_ONCE) -> Iterator[None]:
        """Wait until fewer than ``at_once`` requests of the client are in progress."""
        if not key:  # an unknown client, such as a proxy on a Unix socket
            yield
            return
        with self._lock:
            client = self._clients.setdefault(
                key, _Client(threading.Semaphore(at_once))
            )
            client.requests += 1
        has_turn = client.turns.acquire(timeout=self._patience)
        try:
            yield
        finally:
            if has_turn:
                client.turns.release()
            with self._lock:
                client.requests -= 1
                if not client.requests:
                    del self._clients[key]

    def __len__(self) -> int:
        return len(self._clients)


class FairShareMiddleware:
    """Let each client have AT_ONCE requests in progress; further requests wait."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.turns = Turns()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path in HEALTH:
            return self.get_response(request)
        with ExitStack() as stack:
            for key, at_once in _turns_of(request):
                stack.enter_context(self.turns.turn(key, at_once))
            response = self.get_response(request)
            if response.streaming:
                # The server reads the rows after this, and then closes the answer.
                response._resource_closers.append(stack.pop_all().close)  # type: ignore[attr-defined]  # noqa: SLF001  as Django's handler
            return response


def _turns_of(request: HttpRequest) -> list[tuple[str, int]]:
    """Return the turns that a request takes: of its credentials, or of its address.

    The keys of credentials are marked, so that nobody can name an address as one.
    """
    credentials = credentials_of(request)
    if credentials:
        return [(f"credential {each}", AT_ONCE) for each in credentials]
    return [(client_address(request), STRANGERS_AT_ONCE)]


def credentials_of(request: HttpRequest) -> list[str]:
    """Return the session and the token of a request.

    Both count, because an invented one beside the true one evades no limit then.
    Nothing is looked up: an invented session costs the database one query only.
    """
    session = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    scheme, space, secret = request.headers.get("Authorization", "").partition(" ")
    sent = (session, f"{scheme.lower()}{space}{secret}")
    return [each[:MAX_KEY] for each in sent if each]
