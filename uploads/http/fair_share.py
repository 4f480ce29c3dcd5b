"""Limit the concurrent requests of one client in a web process.

The threads of a Python process share one lock, so only one thread runs Python code at a
time. Without this limit, eight concurrent requests of one client would slow down all
other requests by a factor of eight or more.
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
"""Maximum concurrent requests of one client in a process. Further requests wait."""

STRANGERS_AT_ONCE = 2
"""Maximum concurrent requests from one address that have neither session nor token."""

PATIENCE_SECONDS = 2.0
"""Maximum time that a request waits. After this time it runs, even above the limit.

Otherwise, requests that wait for a slow S3 server would block all other requests of the
client.
"""

MAX_KEY = 200
HEALTH = frozenset({"/healthz", "/readyz"})
"""Paths that never wait, because a monitor may share the address of a busy client."""


@dataclass
class _Client:
    turns: threading.Semaphore
    requests: int = 0


class Turns:
    """Counts the requests of each client in this process. Thread-safe.

    A turn is the permission to run. A request gives its turn back when its response is
    complete.
    """

    def __init__(self, patience: float = PATIENCE_SECONDS) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._clients: dict[str, _Client] = {}

    @contextmanager
    def turn(self, key: str, at_once: int = AT_ONCE) -> Iterator[None]:
        """Wait until the client has fewer than ``at_once`` requests in progress.

        The wait ends after ``patience`` seconds.
        """
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
    """Lets each client have AT_ONCE requests in progress. Further requests wait."""

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
                # The web server reads a streaming response after this method returns.
                # Keep the turn until the server closes the response.
                response._resource_closers.append(stack.pop_all().close)  # type: ignore[attr-defined]  # noqa: SLF001  as Django's handler
            return response


def _turns_of(request: HttpRequest) -> list[tuple[str, int]]:
    """Return the keys of a request's client, each with its limit.

    The keys are the request's credentials. Without credentials, the key is the address.
    The key of a credential has a prefix, so that it never equals an address.
    """
    credentials = credentials_of(request)
    if credentials:
        return [(f"credential {each}", AT_ONCE) for each in credentials]
    return [(client_address(request), STRANGERS_AT_ONCE)]


def credentials_of(request: HttpRequest) -> list[str]:
    """Return the session key and the token of a request, if it has them.

    A request with a session key and a token needs a turn for each of the two.
    Otherwise, a client could evade the limit of its token by an invented session key in
    each request. The function does not check whether the credentials are valid. So
    requests with only an invented session key evade the limit, but each of these
    requests costs only one database query.
    """
    session = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    scheme, space, secret = request.headers.get("Authorization", "").partition(" ")
    sent = (session, f"{scheme.lower()}{space}{secret}")
    return [each[:MAX_KEY] for each in sent if each]
