"""Contains functions that count events, one function for each kind of event."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from uploads.metrics import instruments
from uploads.metrics.tracing import past_span

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE = "none"
"""The label ``route`` of requests for static files, and of requests without a route."""

OTHER = "other"
_CAUSE = re.compile(r"[a-z_]{1,32}")


def count_request(
    route: str | None, *, method: str, status: int, seconds: float
) -> None:
    """Count one answered request.

    ``route`` is the name of the URL pattern. It is not the path, because users choose
    the path.
    """
    route = route or NO_ROUTE
    method = method if method in METHODS else OTHER
    instruments.requests.labels(route, method, f"{status // 100}xx").inc()
    instruments.request_seconds.labels(route).observe(seconds)


def count_moves(
    state: str, transport: str, *, reason: str, byte_sizes: Sequence[int]
) -> None:
    """Count uploads that have entered ``state``, and their bytes."""
    if reason and not _CAUSE.fullmatch(reason):
        reason = OTHER
    instruments.upload_moves.labels(state, transport, reason).inc(len(byte_sizes))
    instruments.upload_bytes.labels(state, transport).inc(sum(byte_sizes))


@contextmanager
def presigning(kind: str, urls: int = 1) -> Iterator[None]:
    """Measure the time in which the block signs URLs, and count the URLs."""
    started = time.perf_counter()
    yield
    instruments.presign_seconds.labels(kind).observe(time.perf_counter() - started)
    instruments.presigned_urls.labels(kind).inc(urls)


def count_s3_call(verb: str, result: str, seconds: float) -> None:
    """Count one finished call to S3, record its time, and add a span to the trace."""
    instruments.s3_calls.labels(verb, result).inc()
    instruments.s3_call_seconds.labels(verb).observe(seconds)
    past_span(f"S3 {verb}", seconds, result=result)
