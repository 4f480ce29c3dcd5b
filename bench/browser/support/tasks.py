"""Finds the longest task of a page by CPU time, from a trace of Chromium.

On a busy machine a page waits for a free core. The gaps of a timer include this wait,
but the CPU time of the page's main thread does not include it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from bench.browser.support.chromium import Chromium

_MARK = "bench-begin"
MARK_BEGIN = f"performance.mark('{_MARK}')"
"""JavaScript that marks the start of the measurement. Run it at the start of a task."""

_TASK = "RunTask"
_SLACK_US = 2_000  # the first measured task begins shortly before it sets the mark
_BUFFER_KB = 600_000
_READ_BYTES = 8_000_000
_LONG = re.compile(r'"tdur":\d{4}')  # 1 ms or more; most tasks are shorter
_FIELDS = {
    name: re.compile(rf'"{name}":(-?\d+)') for name in ("pid", "tid", "ts", "tdur")
}


class Tasks:
    """Records the tasks of all threads of a browser."""

    def __init__(self, browser: Chromium) -> None:
        self._browser = browser

    def record(self) -> None:
        """Start recording."""
        self._browser.call(
            "Tracing.start",
            transferMode="ReturnAsStream",
            traceConfig={
                "recordMode": "recordUntilFull",
                "traceBufferSizeInKb": _BUFFER_KB,
                "includedCategories": ["toplevel", "blink.user_timing"],
            },
        )

    def longest_ms(self) -> float:
        """Stop recording. Return the CPU time of the page's longest task."""
        self._browser.call("Tracing.end")
        stream = self._browser.wait_for("Tracing.tracingComplete")["stream"]
        thread, since = (0, 0), 0
        tasks: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for event in self._events(stream):
            is_mark = f'"name":"{_MARK}"' in event
            if not is_mark and not _LONG.search(event):
                continue
            facts = {
                name: int(found[1])
                for name, pattern in _FIELDS.items()
                if (found := pattern.search(event))
            }
            if is_mark:
                thread, since = (facts["pid"], facts["tid"]), facts["ts"] - _SLACK_US
            elif _TASK in event:
                mine = tasks.setdefault((facts["pid"], facts["tid"]), [])
                mine.append((facts["ts"], facts["tdur"]))
        mine = tasks.get(thread, [])
        return max((cpu for begin, cpu in mine if begin >= since), default=0) / 1000

    def _events(self, stream: str) -> Iterator[str]:
        """Yield the events of a trace as JSON texts.

        A trace can have a gigabyte, so this function never has all events in memory.
        """
        rest, is_over = "", False
        while not is_over:
            answer = self._browser.call("IO.read", handle=stream, size=_READ_BYTES)
            data, is_over = answer["data"], answer["eof"]
            if answer.get("base64Encoded"):
                data = base64.b64decode(data).decode()
            *events, rest = (rest + data).split("},\n{")
            yield from events
        yield rest
        self._browser.call("IO.close", handle=stream)
