"""Format sizes for people. One kB is 1000 bytes.

formatBytes in static/js/page/format.js has the same rules, so that the text of a size
does not change when the page's script starts. tests/cases/sizes.json tests both.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_NEXT_UNIT_FROM = Decimal("999.5")
"""From this amount on, the next unit is used instead of "1,000 kB"."""


def format_bytes(byte_size: int) -> str:
    """Return a size in the largest unit with an amount of at least 1, as ``1.5 GB``."""
    if byte_size < 1000:
        return f"{byte_size} {'byte' if byte_size == 1 else 'bytes'}"
    power = 1
    while _amount(byte_size, power) >= _NEXT_UNIT_FROM and power < len(UNITS) - 1:
        power += 1
    amount = _amount(byte_size, power)
    # Tenths are shown below 100 for MB and larger units, below 10 for kB.
    has_tenths = amount < (100 if power >= 2 else 10)
    rounded = amount.quantize(Decimal("0.1" if has_tenths else 1), ROUND_HALF_UP)
    return f"{rounded:,}".removesuffix(".0") + f" {UNITS[power]}"


def _amount(byte_size: int, power: int) -> Decimal:
    return Decimal(byte_size).scaleb(-3 * power)
