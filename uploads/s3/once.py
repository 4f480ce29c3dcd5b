"""Values that a process creates once, even if several threads ask at the same time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import update_wrapper
from typing import Generic, TypeVar

Made = TypeVar("Made")


class OncePerProcess(Generic[Made]):
    """Decorate a function without arguments: it is called once, and its result kept.

    `lru_cache` would let every thread of a new process in before the first is done,
    each to load S3's description and make a client, a fifth of a second of work.
    """

    def __init__(self, make: Callable[[], Made]) -> None:
        self._make = make
        self._lock = threading.RLock()
        self._made: Made | None = None
        update_wrapper(self, make)
        # Sockets are not to be shared by the workers that a server forks, and a
        # lock that another thread holds at that moment is never let go in the child.
        os.register_at_fork(after_in_child=self.forget)

    def __call__(self) -> Made:
        if (made := self._made) is not None:
            return made
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def forget(self) -> None:
        """Let the next call make it again."""
        self._lock = threading.RLock()
        self._made = None
