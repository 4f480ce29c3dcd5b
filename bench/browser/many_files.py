"""Measures how well the page responds while it sends thousands of small files.

Run it with ``python bench/browser/many_files.py``. Options: --counts 200,5000,10000
It measures the time per file in Chromium and Firefox. A timer of 10 ms also runs in the
page, from the choice of the files until the last file is ready. The largest gap is the
longest delay of this timer.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.browser.support.chromium import Chromium
from bench.browser.support.senders import ENDED, START_BUTTON, WATCH_GAPS
from bench.browser.support.site import Site
from bench.report import Bar, Row, report

GAP_LIMITS_MS = {5000: 50, 10_000: 200}
# The page creates the files, because a test driver cannot choose so many in Firefox.
CHOOSE = """(() => {
  const all = new DataTransfer();
  const tag = Math.random().toString(36).slice(2);
  for (let number = 0; number < COUNT; number += 1) {
    const bytes = crypto.getRandomValues(new Uint8Array(10000));
    all.items.add(new File([bytes], `${tag}-${number}.bin`));
  }
  const input = document.querySelector("#chooser input[type=file]");
  input.files = all.files;
  WATCH;
  input.dispatchEvent(new Event("change", { bubbles: true }));
})()"""
LOG_IN = """(() => {
  const form = document.querySelector("input[type=password]").form;
  form.querySelector("input[autocomplete~=username]").value = "demo";
  form.querySelector("input[type=password]").value = "demo";
  form.submit();
})()"""
Evaluate = Callable[[str], Any]


def wait(evaluate: Evaluate, condition: str, seconds: float) -> Any:
    """Wait until a JavaScript expression is true, and return its value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := evaluate(condition):
            return value
        time.sleep(0.2)
    raise RuntimeError(f"Still false after {seconds} s: {condition}")


def send(
    open_page: Callable[[str], None], evaluate: Evaluate, url: str, count: int
) -> tuple[float, float]:
    """Send ``count`` files. Return the seconds, and the largest timer gap in ms."""
    open_page(f"{url}/")
    wait(evaluate, "!document.querySelector('#file-list[aria-busy=true]')", 60)
    evaluate(
        CHOOSE.replace("COUNT", str(count)).replace("WATCH", WATCH_GAPS.rstrip(";"))
    )
    wait(evaluate, f"{START_BUTTON} !== undefined", 300)
    began = time.monotonic()
    evaluate(f"{START_BUTTON}.click()")
    title = wait(evaluate, ENDED, 1800)
    if "uploaded" not in title:
        raise RuntimeError(title)
    return time.monotonic() - began, float(evaluate("window.largestGap"))


@contextmanager
def chromium() -> Iterator[tuple[Callable[[str], None], Evaluate]]:
    """Run Chromium. Yield functions that open a URL and evaluate JavaScript."""
    with Chromium() as browser:
        page = browser.page()
        yield page.open, page.evaluate


@contextmanager
def firefox() -> Iterator[tuple[Callable[[str], None], Evaluate]]:
    """Run Firefox. Yield functions that open a URL and evaluate JavaScript.

    The driver belongs to the tests, so it needs the settings of the tests.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from tests.webdriver.firefox import started

    with TemporaryDirectory() as home, started(Path(home)) as driver:
        driver.set_script_timeout(600)
        yield driver.get, lambda words: driver.execute_script(f"return {words}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", default="200,5000,10000")
    parser.add_argument("--browsers", default="chromium,firefox")
    options = parser.parse_args()
    counts = [int(count) for count in options.counts.split(",")]
    rows, bars = [], []
    for name in options.browsers.split(","):
        with Site() as site, {"chromium": chromium, "firefox": firefox}[name]() as run:
            open_page, evaluate = run
            open_page(f"{site.url}/accounts/login/")
            evaluate(LOG_IN)
            wait(evaluate, "document.querySelector('#chooser') !== null", 60)
            each: dict[int, float] = {}
            for count in counts:
                seconds, gap = send(open_page, evaluate, site.url, count)
                each[count] = 1000 * seconds / count
                print(f"{name}, {count:,} files: {seconds:.1f} s, gap {gap:.0f} ms")
                rows.append(Row(f"{name}, {count:,} files, a file", each[count], "ms"))
                rows.append(Row(f"{name}, {count:,} files, largest gap", gap, "ms gap"))
                if limit := GAP_LIMITS_MS.get(count):
                    label = f"{name}, {count:,} files, gap / {limit} ms"
                    bars.append(Bar(label, gap / limit, at_most=1))
            if len(counts) > 1:
                growth = each[counts[-1]] / each[counts[0]]
                label = f"{name}, time a file, {counts[-1]:,} / {counts[0]:,}"
                bars.append(Bar(label, growth, at_most=1.3))
    report("many_files", rows, bars)


if __name__ == "__main__":
    main()
