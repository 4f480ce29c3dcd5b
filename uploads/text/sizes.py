"""Sizes as people read them. Units count in thousands, as on the pages.

The same rule as formatBytes in static/js/page/format.js: tests/cases/sizes.json is
for both, so that a size does not change when the page's script takes over.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_NEXT_UNIT_FROM = Decimal("999.5")
"""What would read "1,000 kB" is better said in the next unit."""


def in_words(byte_size: int) -> str:
    """Return a size in the largest unit that leaves at least 1, as ``1.5 GB``."""
    if byte_size < 1000:
        return f"{byte_size} {'byte' if byte_size == 1 else 'bytes'}"
    power = 1
    while _amount(byte_size, power) >= _NEXT_UNIT_FROM and power < len(UNITS) - 1:
        power += 1
    amount = _amount(byte_size, power)
    # From megabytes on a tenth is worth a word up to 100, below only up to 10.
    has_tenths = amount < (100 if power >= 2 else 10)
    rounded = amount.quantize(Decimal("0.1" if has_tenths else 1), ROUND_HALF_UP)
    return f"{rounded:,}".removesuffix(".0") + f" {UNITS[power]}"


def _amount(byte_size: int, power: int) -> Decimal:
    return Decimal(byte_size).scaleb(-3 * power)
