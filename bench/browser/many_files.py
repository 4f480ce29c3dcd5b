"""Measures how well the page responds while it sends thousands of small files.

Run it with ``python bench/browser/many_files.py``. Options: --counts 200,5000,10000
--browsers chromium,firefox. It measures the time per file. A timer of 10 ms also runs in
the page, from the choice of the files until the last file is ready. The largest gap is
the longest delay of this timer.

Meanwhile, another process only sleeps, for 10 ms at a time. Its longest delay shows how
long the busy machine delays every process. In Chromium, the script also measures the CPU
time of the page's longest task. This time does not include the wait for a free core.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.browser.support.chromium import Chromium, wait_until_true
from bench.browser.support.senders import ENDED, LOG_IN, START_BUTTON
from bench.browser.support.site import Site
from bench.browser.support.sleeper import Sleeper
from bench.browser.support.tasks import MARK_BEGIN, Tasks
from bench.report import Bar, Row, report

GAP_LIMITS_MS = {5000: 50, 10_000: 200}
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
    delay_ms: float
    """The longest delay of the sleeping process."""
    task_ms: float | None


def send(browser: Browser, url: str, count: int) -> Result:
    """Choose ``count`` files in the upload page, and send them."""
    browser.open(f"{url}/")
    browser.wait("!document.querySelector('#file-list[aria-busy=true]')", 60)
    browser.evaluate(CREATE.replace("COUNT", str(count)))
    if browser.tasks:
        browser.tasks.record()
    begin = WATCH.replace("IS_OVER", ENDED)
    with Sleeper() as sleeper:
        browser.evaluate(CHOOSE.replace("BEGIN", begin))
        browser.wait(f"{START_BUTTON} !== undefined", 300)
        browser.evaluate(START)
        browser.wait("window.endedAt", 1800)
    task_ms = browser.tasks.longest_ms() if browser.tasks else None
    title = browser.evaluate(ENDED)
    if "uploaded" not in title:
        raise RuntimeError(title)
    seconds = browser.evaluate("(window.endedAt - window.startedAt) / 1000")
    gap_ms = float(browser.evaluate("window.largestGap"))
    return Result(float(seconds), gap_ms, sleeper.longest_delay_ms, task_ms)


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
            each[count] = 1000 * result.seconds / count
            label = f"{name}, {count:,} files"
            words = f"{result.seconds:.1f} s, gap {result.gap_ms:.0f} ms"
            words += f", delay of a sleeping process {result.delay_ms:.0f} ms"
            if result.task_ms is not None:
                words += f", longest task {result.task_ms:.0f} ms CPU"
            print(f"{label}: {words}", flush=True)
            rows += [
                Row(f"{label}, a file", each[count], "ms"),
                Row(f"{label}, largest gap", result.gap_ms, "ms"),
                Row(f"{label}, delay of a sleeping process", result.delay_ms, "ms"),
            ]
            if result.task_ms is not None:
                rows.append(Row(f"{label}, longest task", result.task_ms, "CPU ms"))
            bars += gap_bars(label, result, GAP_LIMITS_MS.get(count))
    if len(counts) > 1:
        growth = each[counts[-1]] / each[counts[0]]
        label = f"{name}, time a file, {counts[-1]:,} / {counts[0]:,}"
        bars.append(Bar(label, growth, at_most=1.3))
    return rows, bars


def gap_bars(label: str, result: Result, limit_ms: int | None) -> list[Bar]:
    """Compare the gap and the longest task with the limit for this number of files.

    The gap has no limit if the machine delays even a sleeping process by more than the
    limit.
    """
    if not limit_ms:
        return []
    at_most = 1 if result.delay_ms <= limit_ms else None
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
