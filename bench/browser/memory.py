"""Measures the memory of the page while it sends the first 2 GiB of a 10 GiB file.

Run it with ``python bench/browser/memory.py``. Options: --size-gib 10 --sent-mib 2048
The file is sparse, so it needs no disk space. The upload ends after 2 GiB, because the
S3 server stores all bytes on this machine.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.browser.support.senders import MIB, senders
from bench.report import Bar, Row, report

MOST_HEAP_MB = 150
SENT = "Number(document.querySelector('.bar--all').getAttribute('aria-valuenow'))"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-gib", type=int, default=10)
    parser.add_argument("--sent-mib", type=int, default=2048)
    options = parser.parse_args()
    share = 100 * options.sent_mib / (options.size_gib * 1024)
    heaps = []
    with TemporaryDirectory() as folder, senders() as all_senders:
        film = Path(folder, "film.bin")
        film.touch()
        with film.open("r+b") as file:
            file.truncate(options.size_gib * 1024 * MIB)
        page = all_senders.page
        all_senders.choose([str(film)])
        all_senders.start()
        deadline = time.monotonic() + 900
        while page.evaluate(SENT) < share:
            heaps.append(page.heap_bytes() / 1e6)
            if time.monotonic() > deadline:
                raise SystemExit("The file was not sent in time.")
            time.sleep(1)
    report(
        "memory",
        [Row("largest JS heap", max(heaps), "MB"), Row("samples", len(heaps), "")],
        [Bar("JS heap / 150 MB", max(heaps) / MOST_HEAP_MB, at_most=1)],
    )


if __name__ == "__main__":
    main()
