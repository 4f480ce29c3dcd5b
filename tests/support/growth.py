"""Check that CPU time grows linearly with the length of the input."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import TypeVar

Input = TypeVar("Input")

TIMES = 8
MAX_FACTOR = 16
"""Linear work takes 8 times as long, quadratic work 64 times."""

CERTAIN_FAILURE_FACTOR = 3 * MAX_FACTOR
"""No busy machine makes linear work take this long, so two tries are enough."""

TRIES = 5
ROUNDS = 3
"""A busy machine disturbs some rounds. Quadratic work fails in every round."""


def assert_linear_time(
    act: Callable[[Input], object], small: Input, large: Input, *, floor: float = 0.0005
) -> None:
    """Check that an input of 8 times the length takes less than 16 times the CPU time.

    Times below ``floor`` seconds are not exact, so the check uses ``floor`` instead. It
    uses the shortest time of several tries. It passes if one of three rounds passes.
    """
    if _best(act, large, tries=2, enough=MAX_FACTOR * floor) < MAX_FACTOR * floor:
        return
    for _ in range(ROUNDS):
        short = max(_best(act, small, tries=3, enough=floor), floor)
        limit = MAX_FACTOR * short
        long = _best(act, large, tries=2, enough=limit)
        if limit <= long < CERTAIN_FAILURE_FACTOR * short:
            long = min(long, _best(act, large, tries=TRIES - 2, enough=limit))
        if long < limit:
            return
    raise AssertionError(
        f"{TIMES} times the input took {long / short:.0f} times as long: "
        f"{1000 * short:.1f} ms and {1000 * long:.1f} ms."
    )


def _best(
    act: Callable[[Input], object], value: Input, *, tries: int, enough: float
) -> float:
    """Return the shortest CPU time of some tries. Stop at a time below ``enough``."""
    best = float("inf")
    # The garbage collector also visits the objects of earlier tests, which takes time.
    collects = gc.isenabled()
    gc.disable()
    try:
        for _ in range(tries):
            started = time.thread_time()
            act(value)
            best = min(best, time.thread_time() - started)
            if best < enough:
                break
    finally:
        if collects:
            gc.enable()
    return best
