"""Sizes as people write them: ``20 GB`` in forms, lists and bars.

Units count in thousands, as on the pages; those with an i, in 1024s.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from django import forms

from uploads.text.sizes import UNITS

PREFIXES = ("", "K", "M", "G", "T", "P")
MAX_BYTES = 2**63 - 1
WRITTEN = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGTP]?)(I?B)?(?:YTES?)?", re.ASCII)


def parse(text: str) -> int:
    """Return the bytes that ``20 GB``, ``1.5 TiB`` or ``1048576`` mean.

    Raises ValueError for what is no size.
    """
    written = WRITTEN.fullmatch(text.strip().upper())
    if written is None:
        raise ValueError(f"{text!r} is not a size.")
    number, prefix, binary = written.groups()
    step = 1024 if (binary or "").startswith("I") else 1000
    return int(Decimal(number) * step ** PREFIXES.index(prefix))


class ByteSizeField(forms.CharField):
    """A number of bytes, written as a number or with a unit; empty is None."""

    default_error_messages = {
        "invalid": "Write a size such as 20 GB or 1.5 TB, or a number of bytes.",
        "too_large": "That is more than can be counted: at most 9223 PB.",
    }

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            byte_size = parse(text)
        except ValueError as error:
            raise forms.ValidationError(
                self.error_messages["invalid"], code="invalid"
            ) from error
        if byte_size > MAX_BYTES:
            raise forms.ValidationError(
                self.error_messages["too_large"], code="too_large"
            )
        return byte_size

    def prepare_value(self, value: Any) -> Any:
        """Show the largest unit that loses nothing: saving it back changes nothing."""
        if not isinstance(value, int):
            return value
        exponent = 0
        while value and value % 1000 == 0 and exponent < len(UNITS) - 1:
            value //= 1000
            exponent += 1
        return f"{value} {UNITS[exponent]}" if exponent else str(value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)
