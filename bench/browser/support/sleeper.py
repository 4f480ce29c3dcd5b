"""Measures for how long the machine delays a process that only sleeps.

Run as a script, this file sleeps 10 ms again and again until its input ends. Then it
prints its longest delay in milliseconds. ``Sleeper`` runs the script.
"""

from __future__ import annotations

import select
import subprocess
import sys
import time
from pathlib import Path

SLEEP_SECONDS = 0.01


class Sleeper:
    """Runs a sleeping process beside a measurement. Use it as a context manager."""

    def __init__(self) -> None:
        self.longest_delay_ms = 0.0
        """The longest delay. It is known after the context has ended."""

    def __enter__(self) -> Sleeper:
        self._process = subprocess.Popen(
            [sys.executable, "-S", str(Path(__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.longest_delay_ms = float(self._process.communicate()[0])


def main() -> None:
    longest = 0.0
    while not select.select([sys.stdin], [], [], 0)[0]:
        began = time.monotonic()
        time.sleep(SLEEP_SECONDS)
        longest = max(longest, time.monotonic() - began - SLEEP_SECONDS)
    print(1000 * longest)


if __name__ == "__main__":
    main()
