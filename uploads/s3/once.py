"""Creates a value once per process, even if several threads request it at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import update_wrapper
from typing import Generic, TypeVar

Made = TypeVar("Made")


class OncePerProcess(Generic[Made]):
    """Wraps a function without arguments, calls it once and caches its result.

    `lru_cache` has no lock. With `lru_cache`, several threads of a new process would
    each create an S3 client at the same time. Each creation takes a fifth of a second.
    """

    def __init__(self, make: Callable[[], Made]) -> None:
        self._make = make
        self._lock = threading.RLock()
        self._made: Made | None = None
        update_wrapper(self, make)
        # Forked processes must not share sockets, so each process creates its own
        # value. A forked process also needs a new lock, because the old lock may be
        # locked by a thread that does not exist in the forked process.
        os.register_at_fork(after_in_child=self.forget)

    def __call__(self) -> Made:
        if (made := self._made) is not None:
            return made
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def forget(self) -> None:
        """Delete the cached value, so that the next call creates a new value."""
        self._lock = threading.RLock()
        self._made = None
