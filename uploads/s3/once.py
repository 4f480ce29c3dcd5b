"""Values that a process creates once, even if several threads need them at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import update_wrapper
from typing import Generic, TypeVar

Made = TypeVar("Made")


class OncePerProcess(Generic[Made]):
    """Decorate a function without arguments: call it once and cache its result.

    `lru_cache` does not lock: in a new process, every thread would load S3's
    description and create a client, which takes a fifth of a second.
    """

    def __init__(self, make: Callable[[], Made]) -> None:
        self._make = make
        self._lock = threading.RLock()
        self._made: Made | None = None
        update_wrapper(self, make)
        # Forked workers must not share sockets. If another thread holds the lock at
        # the fork, the lock is never released in the child.
        os.register_at_fork(after_in_child=self.forget)

    def __call__(self) -> Made:
        if (made := self._made) is not None:
            return made
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def forget(self) -> None:
        """Drop the cached value, so that the next call creates it again."""
        self._lock = threading.RLock()
        self._made = None
