"""Faults that the proxy injects, and the choice of the requests that they hit."""

from __future__ import annotations

import random
import re
import threading
from dataclasses import dataclass, field

from tests.faults.http_messages import Head


@dataclass(frozen=True)
class Delay:
    """Delays the request by some seconds."""

    seconds: float


@dataclass(frozen=True)
class CutRequest:
    """Breaks the connection after this number of bytes of the request's body."""

    after_bytes: int = 0


@dataclass(frozen=True)
class Stall:
    """Stops the transfer after this number of bytes. The connection stays open."""

    after_bytes: int = 0


@dataclass(frozen=True)
class Trickle:
    """Forwards the body slowly."""

    bytes_per_second: int


@dataclass(frozen=True)
class Answer:
    """Answers with an S3 error instead of forwarding the request to the server.

    With ``early``, the proxy answers before it has read the body and closes the
    connection, as overloaded servers do.
    """

    status: int
    code: str = ""
    retry_after: int | None = None
    early: bool = False

    def to(self, head: Head) -> bytes:
        """Return the answer to a request.

        The answer has a CORS header, so that a page of any origin can read the answer.
        """
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{self.code}</Code><Message>Injected.</Message>"
            "<RequestId>fault</RequestId></Error>"
        ).encode()
        lines = [
            f"HTTP/1.1 {self.status} Injected",
            "Content-Type: application/xml",
            f"Content-Length: {len(body)}",
        ]
        if self.retry_after is not None:
            lines.append(f"Retry-After: {self.retry_after}")
        if "origin" in head.headers:
            lines.append(f"Access-Control-Allow-Origin: {head.headers['origin']}")
            lines.append("Vary: Origin")
        if self.early:
            lines.append("Connection: close")
        start = "\r\n".join([*lines, "", ""]).encode()
        return start if head.method == "HEAD" else start + body


@dataclass(frozen=True)
class DropAnswer:
    """Breaks the connection after the server has executed the request."""


@dataclass(frozen=True)
class CutAnswer:
    """Breaks the connection after this number of bytes of the answer's body."""

    after_bytes: int


@dataclass(frozen=True)
class HoldAnswer:
    """Holds the answer of the server until the test sets ``released``."""

    arrived: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def wait_until_arrived(self) -> None:
        """Wait until the proxy holds an answer. Fails after a timeout."""
        assert self.arrived.wait(120), "The server sent no answer in time."


Action = (
    Delay | CutRequest | Stall | Trickle | Answer | DropAnswer | CutAnswer | HoldAnswer
)

SLOW_DOWN = Answer(503, "SlowDown")
INTERNAL_ERROR = Answer(500, "InternalError")
FORBIDDEN = Answer(403, "AccessDenied")


@dataclass
class Fault:
    """An action, and the requests that it hits.

    ``target`` is a regular expression that must match in path and query. The fault hits
    at most ``times`` requests; None means no limit.
    """

    action: Action
    method: str = "*"
    target: str = ""
    probability: float = 1
    times: int | None = None
    hit_count: int = 0

    def hits(self, head: Head, chance: random.Random) -> bool:
        """Return whether the fault hits this request. If so, count the hit."""
        if self.times is not None and self.hit_count >= self.times:
            return False
        if self.method not in {"*", head.method}:
            return False
        if not re.search(self.target, head.target):
            return False
        if chance.random() >= self.probability:
            return False
        self.hit_count += 1
        return True
