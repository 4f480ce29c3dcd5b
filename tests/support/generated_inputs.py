"""Settings for tests with generated inputs: `make test-unit test-fuzz HUNT=20`.

Without HUNT, each run uses the same inputs, so only a change of the code can cause a
new failure. With HUNT=20, the inputs are new and there are 20 times as many. If a test
fails, Hypothesis prints a line that reproduces the failure.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("HUNT") or 0)


def load_profile() -> None:
    """Register and load the profile of Hypothesis."""
    settings.register_profile(
        "slipway",
        derandomize=not TIMES,
        # A database of old failures would make runs differ between machines.
        database=None,
        print_blob=True,
        # A slow machine must not make a test fail.
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        max_examples=examples(100),
    )
    settings.load_profile("slipway")


def examples(count: int) -> int:
    """Return the number of inputs to try; without HUNT, it is ``count``."""
    return count * max(1, TIMES)
