"""Run several cases in one test, for tests with an expensive set-up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def case(*facts: object) -> Iterator[None]:
    """Add the name of the case to exceptions that are raised in the block."""
    try:
        yield
    except BaseException as error:
        error.add_note("In the case " + ", ".join(map(ascii, facts)))
        raise
