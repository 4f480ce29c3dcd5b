"""Writes the result of a benchmark as JSON and SVG, and compares it with its limits.

Benchmarks in Python call `report`. Other benchmarks write their result as JSON to the
standard input of ``python bench/report.py``:

    {"name": "lanes",
     "rows": [{"label": "six lanes", "value": 12.5, "unit": "s"}],
     "bars": [{"label": "six lanes / pace", "ratio": 0.99, "at_least": 0.97}]}
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

RESULTS = Path(__file__).resolve().parent / "results"
TOLERANCE = 0.2
"""The benchmark fails if a ratio misses its limit by more than this share."""

LABEL_PX, PLOT_PX, VALUE_PX, LINE_PX = 300, 420, 160, 24


@dataclass(frozen=True)
class Row:
    """One measured figure."""

    label: str
    value: float
    unit: str


@dataclass(frozen=True)
class Bar:
    """The ratio of two figures of one run, with an optional limit."""

    label: str
    ratio: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def is_missed(self) -> bool:
        """True if the ratio misses its limit."""
        return self._misses(0)

    @property
    def is_failure(self) -> bool:
        """True if the ratio misses its limit by more than TOLERANCE."""
        return self._misses(TOLERANCE)

    def _misses(self, tolerance: float) -> bool:
        too_low = (
            self.at_least is not None and self.ratio < (1 - tolerance) * self.at_least
        )
        too_high = (
            self.at_most is not None and self.ratio > (1 + tolerance) * self.at_most
        )
        return too_low or too_high

    def __str__(self) -> str:
        limits = [
            f"{words} {limit:g}"
            for words, limit in (("at least", self.at_least), ("at most", self.at_most))
            if limit is not None
        ]
        verdict = "missed" if self.is_missed else "kept"
        bar = f"  ({', '.join(limits)}: {verdict})" if limits else ""
        return f"{self.label:44} {self.ratio:9.2f}{bar}"


def report(
    name: str, rows: Sequence[Row], bars: Sequence[Bar] = (), *, folder: Path = RESULTS
) -> None:
    """Print the figures and write ``name``.json and ``name``.svg.

    Exits with status 1 if a ratio misses its limit by more than TOLERANCE.
    """
    machine = machine_facts()
    print(f"{name}, {machine['date']}, {machine['cpu']}, {machine['cores']} cores,")
    print(f"SHA instructions: {machine['sha'] or 'none'}, Python {machine['python']}")
    for row in rows:
        print(f"  {row.label:42} {_figure(row)}")
    for bar in bars:
        print(f"  {bar}")
    folder.mkdir(parents=True, exist_ok=True)
    facts = {
        "name": name,
        "machine": machine,
        "rows": [asdict(row) for row in rows],
        "bars": [asdict(bar) | {"missed": bar.is_missed} for bar in bars],
    }
    (folder / f"{name}.json").write_text(json.dumps(facts, indent=2) + "\n")
    (folder / f"{name}.svg").write_text(plot(name, rows, bars))
    failed = [bar.label for bar in bars if bar.is_failure]
    if failed:
        sys.exit(
            f"Ratios that miss their limit by more than {TOLERANCE:.0%}: {'; '.join(failed)}"
        )


def machine_facts() -> dict[str, Any]:
    """Return facts about this machine, so that people can compare results."""
    cpu, flags = platform.processor() or platform.machine(), set()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            field, _, value = line.partition(":")
            if field.strip() == "model name":
                cpu = value.strip()
            elif field.strip() in {"flags", "Features"}:
                flags = set(value.split())
    except OSError:
        pass  # not Linux
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "sha": " ".join(sorted(flags & {"sha_ni", "sha1", "sha2", "sha512"})),
        "python": platform.python_version(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def plot(name: str, rows: Sequence[Row], bars: Sequence[Bar]) -> str:
    """Return an SVG with one horizontal bar per row. Each unit has its own scale."""
    largest = {
        row.unit: max(one.value for one in rows if one.unit == row.unit) or 1
        for row in rows
    }
    lines = [_text(8, 1, name, weight="bold")]
    for index, row in enumerate(rows, start=2):
        width = round(PLOT_PX * row.value / largest[row.unit], 1)
        top = LINE_PX * index - LINE_PX * 3 // 4
        lines.append(_text(8, index, row.label))
        lines.append(
            f'<rect x="{LABEL_PX}" y="{top}" width="{width}" '
            f'height="{LINE_PX * 3 // 4}" fill="#4a72b0"/>'
        )
        lines.append(_text(LABEL_PX + width + 6, index, _figure(row).strip()))
    first = len(rows) + 3
    lines += [_text(8, first + place, str(bar)) for place, bar in enumerate(bars)]
    width, height = LABEL_PX + PLOT_PX + VALUE_PX, LINE_PX * (first + len(bars))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="13" fill="#1a1a1a">\n'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n'
        + "\n".join(lines)
        + "\n</svg>\n"
    )


def _text(x: float, line: int, words: str, *, weight: str = "normal") -> str:
    y = LINE_PX * line - LINE_PX // 4
    words = escape(" ".join(words.split()))
    return f'<text x="{x}" y="{y}" font-weight="{weight}">{words}</text>'


def _figure(row: Row) -> str:
    value = f"{row.value:,.0f}" if row.value >= 1000 else f"{row.value:.4g}"
    return f"{value:>10} {row.unit}"


def main() -> None:
    facts = json.load(sys.stdin)
    report(
        facts["name"],
        [Row(**row) for row in facts["rows"]],
        [Bar(**bar) for bar in facts.get("bars", [])],
    )


if __name__ == "__main__":
    main()
