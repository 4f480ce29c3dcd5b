"""Test the recognition of texts that look binary."""

from __future__ import annotations

import pytest

from uploads.inspection.odd_texts import is_mostly_text

LONG = "Grüße aus Köln. " * 10


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (f"{LONG}\x01".encode(), True),
        (f"\x01{LONG}ü".encode()[:-1], True),  # ends within a character
        (f"{LONG}\x01".encode("latin-1"), False),
        (b"\x01" + b"a" * 9, True),
        (b"\x01" * 2 + b"a" * 9, False),
        (b"\x01aaaaaa", False),
    ],
)
def test_utf_8_with_few_control_characters_is_a_text(
    head: bytes, expected: bool
) -> None:
    assert is_mostly_text(head) == expected
