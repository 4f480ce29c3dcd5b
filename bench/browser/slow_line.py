"""Measures an upload of one file of 24 MiB over a slow line of 8 Mbit/s.

All connections share the speed of the line. The script measures the total time, and the
time until the bucket has stored the first part.
Run it with ``python bench/browser/slow_line.py``. Options: --size-mib 24 --rounds 5
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.browser.support.files import MIB, large_file
from bench.browser.support.senders import (
    Line,
    Run,
    Senders,
    compare,
    middle,
    rows,
    senders,
)
from bench.report import Bar, Row, report

BYTES_PER_S = 1_000_000
BUCKET = "slipway"
MOST_SECONDS = 120


def seconds_until_first_part(s3: Any, found: list[float]) -> None:
    """Poll the bucket until it has stored a part. Append the seconds to ``found``."""
    began = time.monotonic()
    while time.monotonic() - began < MOST_SECONDS:
        uploads = s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
        for upload in uploads:
            place = {"Key": upload["Key"], "UploadId": upload["UploadId"]}
            if s3.list_parts(Bucket=BUCKET, **place).get("Parts"):
                found.append(time.monotonic() - began)
                return
        time.sleep(0.25)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-mib", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    first: list[float] = []
    with senders(Line(20, bytes_per_s_shared=BYTES_PER_S)) as all_senders:
        runs = compare(
            {
                "slipway": lambda files: watched(all_senders, files, first),
                "uppy, multipart": lambda files: all_senders.uppy(
                    files, multipart=True
                ),
            },
            large_file(options.size_mib * MIB),
            all_senders.site,
            options.rounds,
        )
    ours = middle(runs["slipway"])
    limit = options.size_mib * MIB / BYTES_PER_S
    if not first:
        raise SystemExit("No part arrived in the bucket during the uploads.")
    safe = statistics.median(first)
    report(
        "slow_line",
        [*rows(runs), Row("slipway, first part safe", safe, "s")],
        [
            Bar("slipway / the line itself", ours / limit, at_most=1.1),
            Bar("first part safe / total time", safe / ours, at_most=0.65),
            Bar("uppy, multipart / slipway", middle(runs["uppy, multipart"]) / ours),
        ],
    )


def watched(all_senders: Senders, files: list[str], first: list[float]) -> Run:
    """Send with the upload page, and append the time of the first part to ``first``."""
    watch = threading.Thread(
        target=seconds_until_first_part, args=(all_senders.site.s3, first)
    )
    watch.start()
    run = all_senders.slipway(files)
    watch.join()
    return run


if __name__ == "__main__":
    main()
