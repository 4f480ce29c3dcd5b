"""Bar charts that the server draws as SVG. They need no script and no inline style."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from math import floor, log10

WIDTH_OF_DAY = 10
HEIGHT = 100
_GAP = 3


@dataclass(frozen=True)
class Bar:
    """One day of a chart, with the position and the size of its bar."""

    day: date
    text: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Chart:
    """A chart with one value per day. ``top`` and ``middle`` label two grid lines."""

    title: str
    summary: str
    bars: Sequence[Bar]
    top: str
    middle: str
    width: int
    height: int = HEIGHT

    @property
    def is_empty(self) -> bool:
        return not any(bar.height for bar in self.bars)


def chart(
    title: str, values: Sequence[tuple[date, int]], words: Callable[[int], str]
) -> Chart:
    """Return a chart of ``values``. ``words`` formats a value."""
    highest = max((value for _, value in values), default=0)
    scale = nice_ceiling(highest)
    bars = [
        Bar(
            day=day,
            text=words(value),
            x=number * WIDTH_OF_DAY + _GAP / 2,
            y=round(HEIGHT - _height(value, scale), 2),
            width=WIDTH_OF_DAY - _GAP,
            height=_height(value, scale),
        )
        for number, (day, value) in enumerate(values)
    ]
    total = sum(value for _, value in values)
    summary = (
        f"{title}: {words(total)} in {len(values)} days, {words(highest)} on the "
        "highest day."
    )
    return Chart(
        title,
        summary,
        bars,
        top=words(scale),
        middle=words(scale // 2),
        width=WIDTH_OF_DAY * len(values),
    )


def nice_ceiling(value: int) -> int:
    """Return ``value`` rounded up to 2, 4, 6, 8 or 10 times a power of ten."""
    if value <= 2:
        return 2
    power = 10 ** floor(log10(value))
    for step in (1, 2, 4, 6, 8, 10):
        if step * power >= value and step * power % 2 == 0:
            return int(step * power)
    return int(10 * power)


def _height(value: int, scale: int) -> float:
    # A bar for a small value is at least 1 high, so that it is visible.
    return round(max(value / scale * HEIGHT, 1.0), 2) if value else 0.0
