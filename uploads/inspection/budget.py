"""Limits the cost of an inspection: reads from the bucket, bytes and seconds."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from math import inf


class OverBudget(Exception):  # noqa: N818  as in errors.py
    """The inspection would cost more than its budget.

    ``note`` tells operators which part of the file was not checked.
    """

    def __init__(self, note: str = "") -> None:
        super().__init__(note or "The inspection reached its limit.")
        self.note = note


class Budget:
    """A limit on reads, bytes and seconds. Without arguments there is no limit.

    The budget counts only work inside the context ``running``. All uploads of a request
    can share one budget. ``is_inline`` is true if the inspection runs inside a request.
    """

    def __init__(
        self,
        *,
        reads: float = inf,
        byte_count: float = inf,
        seconds: float = inf,
        is_inline: bool = False,
    ) -> None:
        self.is_inline = is_inline
        self._reads = reads
        self._bytes = byte_count
        self._seconds = seconds
        self._since: float | None = None

    def running(self) -> AbstractContextManager[None]:
        """Return a context whose reads and time are subtracted from the budget."""
        return self

    def __enter__(self) -> None:
        self._since = time.monotonic()

    def __exit__(self, *_: object) -> None:
        if self._since is not None:
            self._seconds -= time.monotonic() - self._since
        self._since = None

    def spend(self, byte_count: int) -> None:
        """Subtract a read of ``byte_count`` bytes from the budget. Raises OverBudget.

        Call this before the read.
        """
        if self._since is None:
            return
        self.check()
        if self._reads < 1 or self._bytes < byte_count:
            raise OverBudget
        self._reads -= 1
        self._bytes -= byte_count

    def check(self) -> None:
        """Raise OverBudget when the time is used up."""
        if self._since is not None and time.monotonic() - self._since > self._seconds:
            raise OverBudget
