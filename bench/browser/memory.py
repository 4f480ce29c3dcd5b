"""Measures the memory of page and site while the page sends 2 GiB of a 10 GiB file.

Run it with ``python bench/browser/memory.py``. Options: --size-gib 10 --sent-mib 2048
The file is sparse, so it needs no disk space. The upload ends after 2 GiB, because the
S3 server stores all bytes on this machine. The benchmark also counts the requests to
the site, and the checksums of parts that have not arrived.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.browser.support.files import MIB
from bench.browser.support.machine import largest_resident_bytes
from bench.browser.support.senders import Senders, senders
from bench.report import Bar, Row, report

MOST_HEAP_MB = 150
MOST_GROWTH_MB = 5
MOST_WAITING = 100
SENT = "Number(document.querySelector('.bar--all').getAttribute('aria-valuenow'))"
# Counts hashed parts, stored parts, POST requests to the site, and parts with a URL.
COUNT = """(() => {
  const seen = window.seen = { hashed: 0, sent: 0, waiting: 0, requests: 0, signed: 0 };
  const note = () => (seen.waiting = Math.max(seen.waiting, seen.hashed - seen.sent));
  const ask = Worker.prototype.postMessage;
  Worker.prototype.postMessage = function (message, ...rest) {
    if (message instanceof Blob && message.size > 1e6) seen.hashed += 1;
    note();
    return ask.call(this, message, ...rest);
  };
  const open = XMLHttpRequest.prototype.open;
  XMLHttpRequest.prototype.open = function (method, url, ...rest) {
    this.addEventListener("load", () => this.status === 200 && (seen.sent += 1));
    return open.call(this, method, url, ...rest);
  };
  const fetchAsBefore = window.fetch;
  window.fetch = (url, options = {}) => {
    if (options.method === "POST") seen.requests += 1;
    if (String(url).endsWith("/parts") && options.body) {
      seen.signed += JSON.parse(options.body).parts.length;
    }
    return fetchAsBefore(url, options);
  };
})()"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-gib", type=int, default=10)
    parser.add_argument("--sent-mib", type=int, default=2048)
    options = parser.parse_args()
    share = 100 * options.sent_mib / (options.size_gib * 1024)
    with TemporaryDirectory() as folder, senders() as all_senders:
        # This upload makes the site load all modules, so that the growth below does not
        # include them.
        all_senders.slipway([sparse_file(Path(folder, "first.bin"), 64)])
        film = sparse_file(Path(folder, "film.bin"), options.size_gib * 1024)
        idle = site_bytes(all_senders)
        heaps, residents, seen = watch(all_senders, film, share)
    growth = (max(residents) - idle) / 1e6
    # The first checksum belongs to no part. It covers the first bytes of the file, and
    # identifies the file.
    waiting = seen["waiting"] - 1
    requests = seen["requests"] / (2 + seen["signed"] / 6)
    report(
        "memory",
        [
            Row("largest JS heap", max(heaps), "MB"),
            Row("site, resident memory when idle", idle / 1e6, "MB"),
            Row("site, growth", growth, "MB"),
            Row("requests to the site", seen["requests"], ""),
            Row("parts with a URL", seen["signed"], ""),
            Row("most checksums that wait for their parts", waiting, ""),
        ],
        [
            Bar("JS heap / 150 MB", max(heaps) / MOST_HEAP_MB, at_most=1),
            Bar("growth of the site / 5 MB", growth / MOST_GROWTH_MB, at_most=1),
            Bar("requests / (2 + parts / 6)", requests, at_most=1),
            Bar("waiting checksums / 100", waiting / MOST_WAITING, at_most=1),
        ],
    )


def sparse_file(path: Path, mib: int) -> str:
    """Create a file of zeros that needs no disk space, and return its path."""
    path.touch()
    with path.open("r+b") as file:
        file.truncate(mib * MIB)
    return str(path)


def site_bytes(all_senders: Senders) -> int:
    """Return the resident memory of the web process."""
    return largest_resident_bytes(all_senders.site.process.pid, "gunicorn")


def watch(
    all_senders: Senders, film: str, share: float
) -> tuple[list[float], list[int], dict[str, Any]]:
    """Send ``share`` percent of the file, and measure once per second.

    Return the sizes of the JavaScript heap in MB, the resident sizes of the site in
    bytes, and the counts of COUNT.
    """
    page = all_senders.page
    heaps: list[float] = []
    residents: list[int] = []
    page.call("Page.enable")
    page.call("Page.addScriptToEvaluateOnNewDocument", source=COUNT)
    all_senders.choose([film])
    page.evaluate("window.seen.requests = 0")
    all_senders.start()
    deadline = time.monotonic() + 900
    while page.evaluate(SENT) < share:
        heaps.append(page.heap_bytes() / 1e6)
        residents.append(site_bytes(all_senders))
        if time.monotonic() > deadline:
            raise SystemExit("Chromium did not send the file within 15 minutes.")
        time.sleep(1)
    return heaps, residents, page.evaluate("window.seen")


if __name__ == "__main__":
    main()
