"""Formats sizes for people. One kB is 1000 bytes.

formatBytes in static/js/page/format.js has the same rules, so that the script and the
templates of a page show the same text. tests/cases/sizes.json tests both
implementations.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_NEXT_UNIT_FROM = Decimal("999.5")
"""From this number on, the next unit is used: 1 MB instead of 1,000 kB."""


def format_bytes(byte_size: int) -> str:
    """Return a size such as ``1.5 GB``, in the largest unit that makes it 1 or more."""
    if byte_size < 1000:
        return f"{byte_size} {'byte' if byte_size == 1 else 'bytes'}"
    power = 1
    while _amount(byte_size, power) >= _NEXT_UNIT_FROM and power < len(UNITS) - 1:
        power += 1
    amount = _amount(byte_size, power)
    # In kB, numbers below 10 have one decimal. In MB and larger units, numbers below
    # 100 have one decimal.
    has_tenths = amount < (100 if power >= 2 else 10)
    rounded = amount.quantize(Decimal("0.1" if has_tenths else 1), ROUND_HALF_UP)
    return f"{rounded:,}".removesuffix(".0") + f" {UNITS[power]}"


def _amount(byte_size: int, power: int) -> Decimal:
    return Decimal(byte_size).scaleb(-3 * power)
