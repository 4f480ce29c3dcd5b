"""Write the last results of the benchmarks into docs/performance.md.

Run it with ``python -m scripts.performance_docs`` after ``make bench``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
RESULTS = PROJECT / "bench/results"
PAGE = PROJECT / "docs/performance.md"
BEGIN, END = "<!-- results -->", "<!-- end of results -->"


def table(result: dict[str, Any]) -> str:
    """Return the section of the page about one benchmark."""
    machine = result["machine"]
    lines = [
        f"### {result['name']}",
        "",
        _machine(machine),
        "",
        "| figure | value |",
        "|---|---|",
    ]
    lines += [
        f"| {row['label']} | {row['value']:,.4g} {row['unit']} |"
        for row in result["rows"]
    ]
    lines += [f"| {bar['label']} | {_ratio(bar)} |" for bar in result["bars"]]
    return "\n".join(lines)


def _machine(machine: dict[str, Any]) -> str:
    return (
        f"{machine['date']} UTC, {machine['cpu']}, {machine['cores']} cores, "
        f"SHA instructions: {machine['sha'] or 'none'}, load {machine['load']:.1f}."
    )


def _ratio(bar: dict[str, Any]) -> str:
    limits = [
        f"{words} {bar[name]:g}"
        for words, name in (("at least", "at_least"), ("at most", "at_most"))
        if bar[name] is not None
    ]
    missed = ", **missed**" if bar["missed"] else ""
    return f"**{bar['ratio']:.2f}** {', '.join(limits)}{missed}".strip()


def with_results(page: str, results: list[dict[str, Any]]) -> str:
    """Return ``page`` with ``results`` in place of the old results."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    sections = "\n\n".join(table(result) for result in results)
    return f"{before}{BEGIN}\n\n{sections}\n\n{END}{after}"


def main() -> None:
    results = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]
    if not results:
        raise SystemExit("There are no results yet. Run make bench first.")
    PAGE.write_text(with_results(PAGE.read_text(), results))
    print(f"{len(results)} results are in {PAGE.relative_to(PROJECT)}.")


if __name__ == "__main__":
    main()
