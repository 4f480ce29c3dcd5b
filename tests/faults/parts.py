"""Count the parts of uploads that have passed a proxy."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from tests.faults.exchange import Exchange
from tests.faults.proxy import FaultProxy


def part_number(exchange: Exchange) -> int | None:
    """Return the number of the part that this request sends, or None."""
    query = parse_qs(urlsplit(exchange.target).query)
    if exchange.method != "PUT" or "partNumber" not in query:
        return None
    return int(query["partNumber"][0])


def sent_parts(proxy: FaultProxy) -> Counter[int]:
    """Return how often each part was sent, completely or incompletely."""
    numbers = (part_number(x) for x in proxy.exchanges)
    return Counter(number for number in numbers if number)


def stored_parts(proxy: FaultProxy) -> Counter[int]:
    """Return how often S3 has accepted each part."""
    accepted = (part_number(x) for x in proxy.exchanges if x.status == 200)
    return Counter(number for number in accepted if number)


def unanswered(proxy: FaultProxy) -> list[Exchange]:
    """Return the requests that ended without an answer from the server."""
    return [x for x in list(proxy.exchanges) if x.ended and x.status is None]


def wait_until(
    condition: Callable[[], bool],
    *,
    seconds: float = 120,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait until ``condition`` is true. Fails after a timeout."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "The condition did not become true in time."
        sleep(0.02)


def wait_until_idle(proxy: FaultProxy) -> None:
    """Wait until the requests in progress, and those sent before this call, have ended.

    Requests of the fault ``Stall`` are ignored, because they never end.
    """
    proxy.catch_up()
    wait_until(proxy.is_idle)
