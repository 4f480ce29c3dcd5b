"""Creates OpenTelemetry spans. Without a tracer, its functions do nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_tracer: Any = None


def use_tracer(tracer: Any) -> None:
    """Use ``tracer`` for all later spans. None turns off tracing."""
    global _tracer  # noqa: PLW0603  set once, at the start of the process
    _tracer = tracer


@contextmanager
def span(name: str) -> Iterator[dict[str, Any]]:
    """Create a span for the block, and yield a dictionary for its attributes.

    The item "name" becomes the name of the span, and all other items become attributes.
    Attributes must not contain URLs or texts from users.
    """
    attributes: dict[str, Any] = {}
    if _tracer is None:
        yield attributes
        return
    with _tracer.start_as_current_span(
        name, record_exception=False, set_status_on_exception=False
    ) as current:
        yield attributes
        if "name" in attributes:
            current.update_name(attributes.pop("name"))
        current.set_attributes(attributes)


def past_span(name: str, seconds: float, **attributes: Any) -> None:
    """Add a child span that began ``seconds`` ago and ends now to the current span."""
    if _tracer is None:
        return
    end = time.time_ns()
    made = _tracer.start_span(name, start_time=end - int(seconds * 1e9))
    made.set_attributes(attributes)
    made.end(end)
