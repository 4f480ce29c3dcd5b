"""Chance in tests that make up their inputs: `make test-unit test-fuzz HUNT=20`.

Without HUNT the inputs are the same at each run: what fails, fails for what was
changed. With it they are new, and so many times as many; what is found is printed
with a line that brings it back.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("HUNT") or 0)


def load_profile() -> None:
    """Make this the way in which Hypothesis chooses, from here on."""
    settings.register_profile(
        "slipway",
        derandomize=not TIMES,
        # What failed on one machine long ago would be tried on that one only.
        database=None,
        print_blob=True,
        # How fast a machine is says nothing about the code.
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        max_examples=examples(100),
    )
    settings.load_profile("slipway")


def examples(count: int) -> int:
    """Return how many inputs to try where a plain run tries ``count``."""
    return count * max(1, TIMES)
