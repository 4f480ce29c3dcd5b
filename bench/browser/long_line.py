"""Measures uploads of a file of 128 MiB and of 300 small files to a distant S3 server.

The small files have 10 kB. The simulated line has a round trip of 80 ms, and 4 MB/s for each connection.
Run it with ``python bench/browser/long_line.py``. Options: --size-mib 128 --count 300 --rounds 5
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.browser.support.files import MIB, large_file, small_files
from bench.browser.support.senders import (
    Line,
    compare,
    middle,
    rows,
    senders,
)
from bench.report import Bar, report

DELAY_MS = 40
BYTES_PER_S_EACH = 4_000_000
TWO_HOSTS = "slipway, two hosts"
LANES = 6  # browsers open at most six connections to one host


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-mib", type=int, default=128)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with senders(Line(DELAY_MS, bytes_per_s_each=BYTES_PER_S_EACH)) as all_senders:
        runs = compare(
            {
                "slipway": all_senders.slipway,
                "uppy, multipart": lambda files: all_senders.uppy(
                    files, multipart=True
                ),
                "curl, one PUT": all_senders.curl,
            },
            large_file(options.size_mib * MIB),
            all_senders.site,
            options.rounds,
        )
        small = f"{options.count} small files"
        runs |= compare(
            {
                f"{small}, slipway": all_senders.slipway,
                f"{small}, uppy": all_senders.uppy,
            },
            small_files(options.count),
            all_senders.site,
            options.rounds,
        )
    line = Line(DELAY_MS, bytes_per_s_each=BYTES_PER_S_EACH, has_two_hosts=True)
    with senders(line) as all_senders:
        runs |= compare(
            {TWO_HOSTS: all_senders.slipway},
            large_file(options.size_mib * MIB),
            all_senders.site,
            options.rounds,
        )
    uppy = middle(runs["uppy, multipart"])
    ours = middle(runs["slipway"])
    small_uppy, small_ours = (
        middle(runs[f"{small}, {name}"]) for name in ("uppy", "slipway")
    )
    limit = options.size_mib * MIB / (LANES * BYTES_PER_S_EACH)
    report(
        "long_line",
        rows(runs),
        [
            Bar("uppy, multipart / slipway", uppy / ours, 5.5),
            Bar(f"uppy, multipart / {TWO_HOSTS}", uppy / middle(runs[TWO_HOSTS]), 9),
            Bar("curl, one PUT / slipway", middle(runs["curl, one PUT"]) / ours),
            Bar(f"{small}, uppy / slipway", small_uppy / small_ours, 1.55),
            Bar("share of what six connections allow", limit / ours, 0.85),
        ],
    )


if __name__ == "__main__":
    main()
