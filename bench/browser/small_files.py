"""Measures uploads of 2,000 files of 10 kB: the page, Uppy 6, bare forms, curl.

Run it with ``python bench/browser/small_files.py``. Options: --count 600 --rounds 3
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.browser.support.files import small_files
from bench.browser.support.senders import compare, middle, rows, senders
from bench.report import Bar, report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help="names of programs, separated by commas")
    options = parser.parse_args()
    with senders() as all_senders:
        programs = {
            "slipway": all_senders.slipway,
            "uppy": all_senders.uppy,
            "least script": all_senders.least_script,
            "bare": all_senders.bare_forms,
            "curl": all_senders.curl,
        }
        if options.only:
            programs = {name: programs[name] for name in options.only.split(",")}
        files = small_files(options.count)
        runs = compare(programs, files, all_senders.site, options.rounds)
    if options.only:
        return
    ours = middle(runs["slipway"])
    report(
        "small_files",
        rows(runs),
        [
            Bar("uppy / slipway", middle(runs["uppy"]) / ours, at_least=3),
            Bar("bare / slipway", middle(runs["bare"]) / ours, at_least=0.6),
            Bar(
                "uppy / least script",
                middle(runs["uppy"]) / middle(runs["least script"]),
            ),
            Bar("uppy / bare", middle(runs["uppy"]) / middle(runs["bare"])),
            Bar("curl / slipway", middle(runs["curl"]) / ours),
        ],
    )


if __name__ == "__main__":
    main()
