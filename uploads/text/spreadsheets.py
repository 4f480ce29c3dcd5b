"""Writes CSV that is safe to open in a spreadsheet program.

Spreadsheet programs evaluate texts that look like formulas. A formula in a filename
could run commands or send data to another server.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

LINES_A_CHUNK = 500
BYTE_ORDER_MARK = "\ufeff"
"""The first character of the CSV. Without this mark, Excel reads the CSV as Latin-1."""

FORMULA = re.compile(r"\A(?=\s*+[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])")
"""Matches the beginning of a text that spreadsheet programs evaluate as a formula.

The full-width forms of ``=``, ``+``, ``-`` and ``@`` also start a formula.
"""

INNER_FORMULA = re.compile(
    r"(?<![\s;\"'])([\s;\"']++)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])"
)
"""Matches spaces, quotes and separators in front of a formula inside of a text.

Some spreadsheet programs expect a semicolon or a tab instead of the comma. They may
read the rest of the text as a new cell. The lookbehind makes a match start only at the
first of these characters. Otherwise the search would take quadratic time.
"""

SEPARATOR = re.compile(r"[;\t\r\n]")
"""Matches a character that can separate cells."""


def chunks(fields: Sequence[str], rows: Iterable[Any]) -> Iterator[str]:
    """Yield CSV with a header and one line for each row, in chunks of many lines.

    ``fields`` names the attributes of a row that become its cells.
    """
    writer: Any = csv.writer(_Buffer())
    chunk = [BYTE_ORDER_MARK + writer.writerow(fields)]
    for row in rows:
        chunk.append(writer.writerow([cell(getattr(row, name)) for name in fields]))
        if len(chunk) >= LINES_A_CHUNK:
            yield "".join(chunk)
            chunk = []
    yield "".join(chunk)


class _Buffer:
    """A file whose ``write`` returns the line, so that ``writerow`` returns it too."""

    def write(self, line: str) -> str:
        return line


def cell(value: Any) -> str:
    """Return the text of one cell.

    Inserts an apostrophe in front of a formula, so that programs do not evaluate it.
    """
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
