"""Sizes as people read them. Units count in thousands, as on the pages."""

from __future__ import annotations

UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def in_words(byte_size: int) -> str:
    """Return a size in the largest unit that leaves at least 1, as ``1.5 GB``."""
    amount = float(byte_size)
    for unit in UNITS:
        if amount < 1000 or unit == UNITS[-1]:
            break
        amount /= 1000
    if unit == "B":
        return f"{byte_size} {'byte' if byte_size == 1 else 'bytes'}"
    return f"{amount:.1f}".removesuffix(".0") + f" {unit}"
