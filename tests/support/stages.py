"""Cases that share one costly start: a test walks through them, and says where it fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def case(*facts: object) -> Iterator[None]:
    """Name the case in what is raised inside."""
    try:
        yield
    except BaseException as error:
        error.add_note("In the case " + ", ".join(map(ascii, facts)))
        raise
