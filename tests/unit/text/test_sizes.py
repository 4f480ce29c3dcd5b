"""Sizes are formatted for people. The tests of the script use the same cases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from uploads.text.sizes import format_bytes

CASES = json.loads((Path(__file__).parents[2] / "cases" / "sizes.json").read_text())


@pytest.mark.parametrize(("byte_size", "words"), CASES)
def test_size_is_formatted_in_the_largest_unit_that_fits(
    byte_size: int, words: str
) -> None:
    assert format_bytes(byte_size) == words
