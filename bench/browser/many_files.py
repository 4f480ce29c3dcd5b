"""Measures how well the page responds while it sends thousands of small files.

Run it with ``python bench/browser/many_files.py``. Options: --counts 200,5000,10000
--browsers chromium,firefox. It measures the time per file. A timer of 10 ms also runs in
the page, from the choice of the files until the last file is ready. The largest gap is
the longest delay of this timer.

The floor is the largest gap in an empty page that only sends PUT requests. It shows how
long the browser and a busy machine delay every page. In Chromium, the script also
measures the CPU time of the page's longest task. This time does not include the wait
for a free core.
"""

from __future__ import annotations

import argparse
import http.server
import json
import os
import secrets
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.browser.support.chromium import Chromium, wait_until_true
from bench.browser.support.senders import ENDED, START_BUTTON
from bench.browser.support.site import Site
from bench.browser.support.tasks import MARK_BEGIN, Tasks
from bench.report import Bar, Row, report

GAP_LIMITS_MS = {5000: 50, 10_000: 200}
MOST_FLOOR_FILES = 2000
POLL_SECONDS = 0.5
# The page creates the files, because the driver of Firefox cannot choose so many files.
CREATE = """(() => {
  window.transfer = new DataTransfer();
  const tag = Math.random().toString(36).slice(2);
  for (let number = 0; number < COUNT; number += 1) {
    const bytes = crypto.getRandomValues(new Uint8Array(10000));
    window.transfer.items.add(new File([bytes], `${tag}-${number}.bin`));
  }
})()"""
WATCH = f"""(() => {{
  {MARK_BEGIN};
  window.largestGap = 0;
  window.endedAt = 0;
  let ticks = 0;
  let last = performance.now();
  window.gapTimer = setInterval(() => {{
    const now = performance.now();
    window.largestGap = Math.max(window.largestGap, now - last - 10);
    last = now;
    ticks += 1;
    if (ticks % 5 === 0 && IS_OVER) {{
      clearInterval(window.gapTimer);
      window.endedAt = now;
    }}
  }}, 10);
}})()"""
CHOOSE = """(() => {
  const input = document.querySelector("#chooser input[type=file]");
  input.files = window.transfer.files;
  BEGIN;
  input.dispatchEvent(new Event("change", { bubbles: true }));
})()"""
START = f"(window.startedAt = performance.now(), {START_BUTTON}.click())"
SEND_BARE = """(() => {
  const files = [...window.transfer.files];
  const urls = URLS;
  let next = 0;
  const lane = async () => {
    while (next < files.length) {
      const index = next++;
      const body = await files[index].arrayBuffer();
      await fetch(urls[index], { method: "PUT", body });
    }
  };
  window.isSent = false;
  WATCH;
  Promise.all(Array.from({ length: 6 }, lane)).then(() => (window.isSent = true));
})()"""
LOG_IN = """(() => {
  const form = document.querySelector("input[type=password]").form;
  form.querySelector("input[autocomplete~=username]").value = "demo";
  form.querySelector("input[type=password]").value = "demo";
  form.submit();
})()"""


@dataclass(frozen=True)
class Browser:
    """A measured browser. ``tasks`` is None in Firefox, which does not report tasks."""

    open: Callable[[str], None]
    evaluate: Callable[[str], Any]
    tasks: Tasks | None = None

    def wait(self, condition: str, seconds: float) -> Any:
        """Wait until a JavaScript expression is true, and return its value."""
        return wait_until_true(
            self.evaluate, condition, seconds=seconds, poll_seconds=POLL_SECONDS
        )


@dataclass(frozen=True)
class Result:
    """The result for one number of files."""

    seconds: float
    gap_ms: float
    task_ms: float | None


def send(browser: Browser, url: str, count: int) -> Result:
    """Choose ``count`` files in the upload page, and send them."""
    browser.open(f"{url}/")
    browser.wait("!document.querySelector('#file-list[aria-busy=true]')", 60)
    browser.evaluate(CREATE.replace("COUNT", str(count)))
    if browser.tasks:
        browser.tasks.record()
    begin = WATCH.replace("IS_OVER", ENDED)
    browser.evaluate(CHOOSE.replace("BEGIN", begin))
    browser.wait(f"{START_BUTTON} !== undefined", 300)
    browser.evaluate(START)
    browser.wait("window.endedAt", 1800)
    task_ms = browser.tasks.longest_ms() if browser.tasks else None
    title = browser.evaluate(ENDED)
    if "uploaded" not in title:
        raise RuntimeError(title)
    seconds = browser.evaluate("(window.endedAt - window.startedAt) / 1000")
    return Result(float(seconds), float(browser.evaluate("window.largestGap")), task_ms)


def floor_ms(browser: Browser, site: Site, count: int) -> float:
    """Return the largest gap in an empty page that sends ``count`` files."""
    urls = [site.put_url(secrets.token_hex(8)) for _ in range(count)]
    with empty_page() as url:
        browser.open(url)
        browser.evaluate(CREATE.replace("COUNT", str(count)))
        watch = WATCH.replace("IS_OVER", "window.isSent")
        words = SEND_BARE.replace("URLS", json.dumps(urls)).replace("WATCH", watch)
        browser.evaluate(words)
        browser.wait("window.endedAt", 600)
        return float(browser.evaluate("window.largestGap"))


class EmptyPage(http.server.BaseHTTPRequestHandler):
    """Answers each request with an empty page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>empty</title>")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing."""


@contextmanager
def empty_page() -> Iterator[str]:
    """Serve an empty page on a free port. Yield its URL."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), EmptyPage)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Chromium."""
    with Chromium() as browser:
        page = browser.page()
        yield Browser(page.open, page.evaluate, Tasks(browser))


@contextmanager
def firefox() -> Iterator[Browser]:
    """Run Firefox with the driver of the tests, which needs Django's settings."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from tests.webdriver.firefox import started

    with TemporaryDirectory() as home, started(Path(home)) as driver:
        driver.set_script_timeout(600)
        yield Browser(
            driver.get, lambda words: driver.execute_script(f"return {words}")
        )


def measure(name: str, counts: list[int]) -> tuple[list[Row], list[Bar]]:
    """Measure one browser. Return its figures and its ratios."""
    rows, bars = list[Row](), list[Bar]()
    each: dict[int, float] = {}
    run = {"chromium": chromium, "firefox": firefox}[name]
    with Site() as site, run() as browser:
        browser.open(f"{site.url}/accounts/login/")
        browser.evaluate(LOG_IN)
        browser.wait("document.querySelector('#chooser') !== null", 60)
        for count in counts:
            result = send(browser, site.url, count)
            floor = floor_ms(browser, site, min(count, MOST_FLOOR_FILES))
            each[count] = 1000 * result.seconds / count
            label = f"{name}, {count:,} files"
            words = f"{result.seconds:.1f} s, gap {result.gap_ms:.0f} ms"
            words += f", gap of an empty page {floor:.0f} ms"
            if result.task_ms is not None:
                words += f", longest task {result.task_ms:.0f} ms CPU"
            print(f"{label}: {words}", flush=True)
            rows += [
                Row(f"{label}, a file", each[count], "ms"),
                Row(f"{label}, largest gap", result.gap_ms, "ms gap"),
                Row(f"{label}, largest gap of an empty page", floor, "ms gap"),
            ]
            if result.task_ms is not None:
                rows.append(Row(f"{label}, longest task", result.task_ms, "CPU ms"))
            bars += gap_bars(label, result, floor, GAP_LIMITS_MS.get(count))
    if len(counts) > 1:
        growth = each[counts[-1]] / each[counts[0]]
        label = f"{name}, time a file, {counts[-1]:,} / {counts[0]:,}"
        bars.append(Bar(label, growth, at_most=1.3))
    return rows, bars


def gap_bars(
    label: str, result: Result, floor: float, limit_ms: int | None
) -> list[Bar]:
    """Compare the gap and the longest task with the limit for this number of files.

    The gap has no limit if the gap of an empty page exceeds the limit on this machine.
    """
    if not limit_ms:
        return []
    at_most = 1 if floor <= limit_ms else None
    bars = [
        Bar(f"{label}, gap / {limit_ms} ms", result.gap_ms / limit_ms, at_most=at_most)
    ]
    if result.task_ms is not None:
        share = result.task_ms / limit_ms
        bars.append(Bar(f"{label}, task / {limit_ms} ms", share, at_most=1))
    return bars


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", default="200,5000,10000")
    parser.add_argument("--browsers", default="chromium,firefox")
    options = parser.parse_args()
    counts = [int(count) for count in options.counts.split(",")]
    rows, bars = list[Row](), list[Bar]()
    for name in options.browsers.split(","):
        more_rows, more_bars = measure(name, counts)
        rows += more_rows
        bars += more_bars
    report("many_files", rows, bars)


if __name__ == "__main__":
    main()
