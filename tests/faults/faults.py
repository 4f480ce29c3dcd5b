"""What can go wrong with one request on its way, and which requests it strikes."""

from __future__ import annotations

import random
import re
import threading
from dataclasses import dataclass, field

from tests.faults.http_messages import Head


@dataclass(frozen=True)
class Delay:
    """The request waits before it goes on."""

    seconds: float


@dataclass(frozen=True)
class CutRequest:
    """The connection breaks after so many bytes of the body."""

    after_bytes: int = 0


@dataclass(frozen=True)
class Stall:
    """After so many bytes of the body nothing moves any more, and nothing is said."""

    after_bytes: int = 0


@dataclass(frozen=True)
class Trickle:
    """The body goes on at a crawl."""

    bytes_per_second: int


@dataclass(frozen=True)
class Answer:
    """The proxy answers in S3's words; the server never learns of the request.

    With ``early`` it answers before it has read the body and breaks off, as
    overloaded servers do.
    """

    status: int
    code: str = ""
    retry_after: int | None = None
    early: bool = False

    def to(self, head: Head) -> bytes:
        """Return the answer to a request, readable for a page of any origin."""
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
    """The server does the work, and its answer is lost."""


@dataclass(frozen=True)
class CutAnswer:
    """The server does the work, and its answer breaks off after so many bytes."""

    after_bytes: int


@dataclass(frozen=True)
class HoldAnswer:
    """The server does the work; its answer waits until it is released."""

    arrived: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def wait_until_arrived(self) -> None:
        """Return when an answer is held; fail when none ever comes."""
        assert self.arrived.wait(120), "No answer came."


Action = (
    Delay | CutRequest | Stall | Trickle | Answer | DropAnswer | CutAnswer | HoldAnswer
)

SLOW_DOWN = Answer(503, "SlowDown")
INTERNAL_ERROR = Answer(500, "InternalError")
FORBIDDEN = Answer(403, "AccessDenied")


@dataclass
class Fault:
    """An action, and the requests that it strikes.

    ``target`` is a regular expression searched for in path and query. ``times``
    limits how often it strikes; None is for ever.
    """

    action: Action
    method: str = "*"
    target: str = ""
    probability: float = 1
    times: int | None = None
    struck: int = 0

    def strikes(self, head: Head, chance: random.Random) -> bool:
        """Return whether this request is hit, and count it if so."""
        if self.times is not None and self.struck >= self.times:
            return False
        if self.method not in {"*", head.method}:
            return False
        if not re.search(self.target, head.target):
            return False
        if chance.random() >= self.probability:
            return False
        self.struck += 1
        return True
