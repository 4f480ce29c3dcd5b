"""The defaults in docs/settings.md and on other pages are those of the code."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from uploads.conf import Options, RateLimit

ROOT = Path(__file__).resolve().parents[2]
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SETTINGS = (ROOT / "docs" / "settings.md").read_text()

UNITS = {
    "GB": 1000**3,
    "MiB": 1024**2,
    "GiB": 1024**3,
    "TiB": 1024**4,
    "day": 86_400,
    "days": 86_400,
}
EMPTY = {"", "none"}


def defaults() -> dict[str, object]:
    """Return the default of each option, by the name of its variable."""
    found = {
        f"UPLOADS_{field.name.upper()}": field.default
        for field in fields(Options)
        if field.default is not MISSING and field.name != "key_prefix"
    }
    assert len(found) > 35
    return found


def documented() -> dict[str, str]:
    """Return the default of each UPLOADS variable in the tables of settings.md."""
    found: dict[str, str] = {}
    for line in SETTINGS.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        names = re.findall(r"`(UPLOADS_[A-Z0-9_]+)`", cells[0])
        if line.startswith("|") and names:
            found.update(zip(names, cells[1:], strict=False))
    return found


def is_same(default: object, text: str) -> bool:
    """Return whether the cell ``text`` of the table shows ``default``."""
    text = text.strip("`")
    if isinstance(default, RateLimit):
        return RateLimit.parse(text, name="the table") == default
    if isinstance(default, tuple):
        return (text if text not in EMPTY else "") == ",".join(default)
    if isinstance(default, str):
        return text == default
    assert isinstance(default, int | float)
    number, _, unit = text.partition(" ")
    value = float(number) * UNITS.get(unit, 0 if unit else 1)
    # The table may round. For example, it shows 48.8 TiB for 10,000 parts of 5 GiB.
    return abs(value - default) <= (0.001 * default if "." in number else 0)


def test_every_default_in_the_table_is_the_default_of_the_code() -> None:
    table = documented()

    assert table.keys() == defaults().keys()
    assert {
        name: (table[name], default)
        for name, default in defaults().items()
        if not is_same(default, table[name])
    } == {}


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_value_in_parentheses_after_a_variable_is_its_default(page: Path) -> None:
    """For example, a page has the words `UPLOADS_INLINE_INSPECTION_BYTES` (16 MiB)."""
    named = re.findall(
        r"`(UPLOADS_[A-Z_]+)`\s+\((`?[\d.]+(?:\s+(?:days?|[KMGT]i?B))?`?)\b",
        page.read_text(),
    )

    assert [
        (name, text)
        for name, text in named
        if not is_same(defaults()[name], " ".join(text.split()))
    ] == []
