"""Run many threads that start at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection

Act = Callable[[], Any]


def at_once(function: Act, *, threads: int, connected: bool = True) -> list[Any]:
    """Call ``function`` in many threads. Return the results and the raised errors."""
    return race([function] * threads, connected=connected)


def race(functions: Sequence[Act], *, connected: bool = True) -> list[Any]:
    """Call each function in its own thread, all at the same time.

    Each thread opens its database connection before the start. With ``connected`` off,
    threads open no connection. This is for functions that only send requests. Returns
    the results or exceptions of the functions, in their order.
    """
    barrier = threading.Barrier(len(functions))

    def call(function: Act) -> Any:
        try:
            if connected:
                connection.ensure_connection()
            barrier.wait(120)
            return function()
        except Exception as error:  # noqa: BLE001  the test says which are right
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(functions)) as pool:
        return list(pool.map(call, functions))
