"""CSV that is safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

LINES_A_CHUNK = 500
BYTE_ORDER_MARK = "\ufeff"
"""Without it, Excel reads the file as Latin-1."""

FORMULA = re.compile(r"\A(?=\s*+[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])")
"""The beginning of a text that spreadsheets calculate, also in full-width characters."""

INNER_FORMULA = re.compile(
    r"(?<![\s;\"'])([\s;\"']++)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])"
)
"""The same inside of a text, behind spaces, quotes and characters between cells.

The lookbehind keeps the search linear: a match starts only at the start of a run.
"""

SEPARATOR = re.compile(r"[;\t\r\n]")


def chunks(fields: Sequence[str], rows: Iterable[Any]) -> Iterator[str]:
    """Yield CSV with one line for each row, whose attributes ``fields`` names."""
    writer: Any = csv.writer(_Buffer())
    chunk = [BYTE_ORDER_MARK + writer.writerow(fields)]
    for row in rows:
        chunk.append(writer.writerow([cell(getattr(row, name)) for name in fields]))
        if len(chunk) >= LINES_A_CHUNK:
            yield "".join(chunk)
            chunk = []
    yield "".join(chunk)


class _Buffer:
    """A file that hands each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def cell(value: Any) -> str:
    """Return the text of one value. A text that would be a formula gets an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    text = FORMULA.sub("'", str(value), count=1)
    return INNER_FORMULA.sub(_inert, text)


def _inert(found: re.Match[str]) -> str:
    return f"{found[1]}'" if SEPARATOR.search(found[1]) else found[1]
