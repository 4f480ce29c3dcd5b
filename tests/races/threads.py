"""Many threads that begin at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection

Act = Callable[[], Any]


def at_once(function: Act, *, threads: int, connected: bool = True) -> list[Any]:
    """Call ``function`` in many threads; return results, or the errors raised."""
    return race([function] * threads, connected=connected)


def race(functions: Sequence[Act], *, connected: bool = True) -> list[Any]:
    """Call each function in a thread of its own, all at the same moment.

    Each has a connection to the database before, unless ``connected`` is off: that is
    for those who only make requests. Returns, in their order, what each returned, or
    the exception it raised.
    """
    gate = threading.Barrier(len(functions))

    def call(function: Act) -> Any:
        try:
            if connected:
                connection.ensure_connection()
            gate.wait(120)
            return function()
        except Exception as error:  # noqa: BLE001  the test says which are right
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(functions)) as pool:
        return list(pool.map(call, functions))
