"""A form field for sizes with a unit, such as ``20 GB``.

One kB is 1000 bytes, as on the site's pages. One KiB is 1024 bytes.
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
    """Return the number of bytes for ``20 GB``, ``1.5 TiB`` or ``1048576``.

    Raises ValueError if ``text`` is not a size.
    """
    written = WRITTEN.fullmatch(text.strip().upper())
    if written is None:
        raise ValueError(f"{text!r} is not a size.")
    number, prefix, binary = written.groups()
    step = 1024 if (binary or "").startswith("I") else 1000
    return int(Decimal(number) * step ** PREFIXES.index(prefix))


class ByteSizeField(forms.CharField):
    """A form field for a number of bytes, typed with or without a unit.

    The value of an empty field is None.
    """

    default_error_messages = {
        "invalid": "Write a size such as 20 GB or 1.5 TB, or a number of bytes.",
        "too_large": "The size is too large. The maximum is 9223 PB.",
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
        """Return the size in the largest unit in which it is a whole number.

        If the form showed a rounded size, saving the form would change the number.
        """
        if not isinstance(value, int):
            return value
        exponent = 0
        while value and value % 1000 == 0 and exponent < len(UNITS) - 1:
            value //= 1000
            exponent += 1
        return f"{value} {UNITS[exponent]}" if exponent else str(value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)
