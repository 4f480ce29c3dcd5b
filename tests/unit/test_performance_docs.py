"""New results of the benchmarks replace the old ones in docs/performance.md."""

from __future__ import annotations

from scripts.performance_docs import BEGIN, END, with_results

MACHINE = {"date": "2026-11-29 09:00", "cpu": "AMD", "cores": 2, "sha": "", "load": 0.1}
RESULT = {
    "name": "small_files",
    "machine": MACHINE,
    "rows": [{"label": "slipway", "value": 1234.5, "unit": "s"}],
    "bars": [
        {
            "label": "uppy / slipway",
            "ratio": 0.5,
            "at_least": 1,
            "at_most": None,
            "missed": True,
        }
    ],
}


def test_new_results_replace_the_old_ones() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter"

    once = with_results(page, [RESULT])

    assert once.startswith("before\n")
    assert once.endswith("\nafter")
    assert "old" not in once
    assert "| uppy / slipway | **0.50** at least 1, **missed** |" in once
    assert with_results(once, [RESULT]) == once
