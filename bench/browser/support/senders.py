"""The programs that the benchmarks compare: our page, Uppy 6, bare requests, curl."""

from __future__ import annotations

import json
import os
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.browser.support.chromium import Chromium, Page
from bench.browser.support.machine import child_cpu_seconds, cpu_seconds
from bench.browser.support.site import PEER_BUCKET, PROJECT, Site, wait_for_port
from bench.report import Row
from uploads.dev.ports import free_ports

PEER_FOLDER = PROJECT / "bench/browser"
BUNDLE = PEER_FOLDER / "node_modules/peer_page.bundle.js"
LEAST_SCRIPT = PEER_FOLDER / "node_modules/least_script.bundle.js"
LONGEST_UPLOAD_SECONDS = 1800
WATCH_GAPS = """(() => {
  clearInterval(window.gapTimer);
  window.largestGap = 0;
  let last = performance.now();
  window.gapTimer = setInterval(() => {
    const now = performance.now();
    window.largestGap = Math.max(window.largestGap, now - last - 10);
    last = now;
  }, 10);
})()"""
LOG_IN = """(() => {
  const form = document.querySelector("input[type=password]").form;
  form.querySelector("input[autocomplete~=username]").value = "demo";
  form.querySelector("input[type=password]").value = "demo";
  form.submit();
})()"""
# Read only the titles, because reading the text of the whole page makes the page slow.
ENDED = r"""[...document.querySelectorAll(".progress__title")].map((h) => h.textContent)
  .find((text) => /^[0-9,.]+ files? (uploaded|not stored)$/.test(text)) || ''"""
# The page measures its own time, as Uppy's page does. A poll from here would add up to
# 0.1 s.
WATCH_END = r"""(() => {
  const title = document.querySelector(".progress__title");
  window.uploadSeconds = 0;
  new MutationObserver((_, observer) => {
    if (!/^[0-9,.]+ files? uploaded$/.test(title.textContent)) return;
    window.uploadSeconds = (performance.now() - began) / 1000;
    observer.disconnect();
  }).observe(title, { childList: true, characterData: true, subtree: true });
  const began = performance.now();
})()"""
START_BUTTON = r"""[...document.querySelectorAll("#batch button")]
  .find((b) => !b.hidden && /^Upload [0-9,]+ files?$/.test(b.textContent.trim()))"""


@dataclass(frozen=True)
class Run:
    """One measured upload. The client is the browser, or a program such as curl."""

    seconds: float
    client_cpu: float = 0
    server_cpu: float = 0
    largest_gap_ms: float = 0


@dataclass(frozen=True)
class Line:
    """The simulated network to the S3 server. A speed of 0 means no limit."""

    delay_ms: float
    bytes_per_s_each: float = 0
    bytes_per_s_shared: float = 0
    has_two_hosts: bool = False


class Senders:
    """Sends files with each program, over the same line to the same S3 server."""

    def __init__(self, site: Site, browser: Chromium, line_port: int | None) -> None:
        self.site = site
        self.browser = browser
        self._line_port = line_port
        self._peer_port = free_ports(1)[0]
        self._peer = _start(
            "peer_server.py",
            *(str(self._peer_port), site.s3_url, str(BUNDLE), PEER_BUCKET),
            environment={"S3_ACCESS": site.access, "S3_SECRET": site.secret},
        )
        wait_for_port(self._peer_port)
        self.page = self._log_in()
        self._peer_page = browser.page()

    def close(self) -> None:
        """Stop the server of Uppy's page."""
        self._peer.terminate()
        self._peer.wait()

    def _log_in(self) -> Page:
        page = self.browser.page()
        page.open(f"{self.site.url}/accounts/login/")
        page.evaluate(LOG_IN)
        page.wait("document.querySelector('#chooser') !== null")
        return page

    def choose(self, files: list[str]) -> None:
        """Open the upload page and choose the files. Do not start the upload."""
        self.page.open(f"{self.site.url}/")
        self.page.wait("!document.querySelector('#file-list[aria-busy=true]')")
        self.page.choose("#chooser input[type=file]", files)
        self.page.wait(f"{START_BUTTON} !== undefined", seconds=300)

    def start(self) -> None:
        """Press the page's Upload button."""
        self.page.evaluate(f"{START_BUTTON}.click()")

    def wait_until_uploaded(self) -> None:
        """Wait until the page says that all files are uploaded."""
        title = self.page.wait(ENDED, seconds=LONGEST_UPLOAD_SECONDS)
        if "uploaded" not in title:
            words = self.page.evaluate("document.querySelector('main').innerText")
            raise RuntimeError(f"Not all files were uploaded: {words[:600]}")

    def slipway(self, files: list[str]) -> Run:
        """Upload with our page. Measure from the click until all files are uploaded.

        The gaps do not include the choice of the files, in which Chromium blocks every
        page. many_files.py measures the gaps from the choice on.
        """
        self.choose(files)
        self.page.evaluate(WATCH_GAPS)
        self.page.evaluate(WATCH_END)
        cpu = self._cpu()
        self.start()
        self.wait_until_uploaded()
        seconds = float(self.page.evaluate("window.uploadSeconds"))
        return self._run(seconds, cpu, self.page.evaluate("window.largestGap"))

    def uppy(self, files: list[str], *, multipart: bool | None = None) -> Run:
        """Upload with Uppy 6. Without ``multipart``, Uppy decides by the file size."""
        return self._on_peer_page(
            files, f"window.sendWithUppy({json.dumps(multipart)})"
        )

    def bare_puts(self, files: list[str]) -> Run:
        """Send only one PUT per file in the browser. No script can be faster."""
        urls = [self.site.put_url(secrets.token_hex(8)) for _ in files]
        return self._on_peer_page(files, f"window.sendPuts({json.dumps(urls)})")

    def bare_forms(self, files: list[str]) -> Run:
        """Only read each small file and send it by a form. No script can be faster."""
        forms = [self.site.post_form(secrets.token_hex(8)) for _ in files]
        return self._on_peer_page(files, f"window.sendForms({json.dumps(forms)})")

    def _on_peer_page(self, files: list[str], expression: str) -> Run:
        page = self._peer_page
        page.open(f"http://127.0.0.1:{self._peer_port}/")
        page.wait("window.isReady")
        page.choose("input", files)
        page.evaluate(WATCH_GAPS)
        cpu = self._cpu()
        result = page.evaluate(expression)
        if result["files"] != len(files):
            raise RuntimeError(f"{result['files']} of {len(files)} files were sent.")
        run = self._run(result["seconds"], cpu, page.evaluate("window.largestGap"))
        page.open("about:blank")
        return run

    def least_script(self, files: list[str]) -> Run:
        """Send small files through our API with the shortest script. It shows nothing."""
        page = self.page
        page.open(f"{self.site.url}/")
        page.wait("!document.querySelector('#file-list[aria-busy=true]')")
        page.evaluate(LEAST_SCRIPT.read_text())
        page.evaluate(
            "document.body.append(Object.assign(document.createElement('input'),"
            " { type: 'file', multiple: true, id: 'bench-files' })); 0"
        )
        page.choose("#bench-files", files)
        page.evaluate(WATCH_GAPS)
        cpu = self._cpu()
        result = page.evaluate(
            "window.sendWithLeastScript([...document.querySelector('#bench-files').files])"
        )
        if result["files"] != len(files):
            raise RuntimeError(f"{result['files']} of {len(files)} files were stored.")
        return self._run(result["seconds"], cpu, page.evaluate("window.largestGap"))

    def curl(self, files: list[str]) -> Run:
        """Send one PUT per file with curl, six at a time. Do not measure presigning."""
        lines = []
        for file in files:
            url = self.site.put_url(secrets.token_hex(8))
            if self._line_port:
                url = url.replace(f":{self.site.s3_port}/", f":{self._line_port}/", 1)
            lines += [
                f'url = "{url}"',
                f'upload-file = "{file}"',
                'output = "/dev/null"',
            ]
        command = ["curl", "-sSf", "--no-progress-meter", "--noproxy", "*", "-K", "-"]
        command += ["-H", f"Host: 127.0.0.1:{self.site.s3_port}"]
        if len(files) > 1:
            command += ["--parallel", "--parallel-max", "6"]
        return self.run_program(command, "\n".join(lines))

    def run_program(
        self,
        command: list[str],
        text: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> Run:
        """Run a program with ``text`` as its standard input. Measure its whole life."""
        cpu = self._cpu()
        began = time.monotonic()
        subprocess.run(command, check=True, input=text.encode(), env=environment)
        return self._run(time.monotonic() - began, cpu, 0)

    def _cpu(self) -> tuple[float, float]:
        return (
            cpu_seconds(self.browser.process.pid) + child_cpu_seconds(),
            cpu_seconds(self.site.process.pid, self._peer.pid),
        )

    def _run(self, seconds: float, cpu: tuple[float, float], gap_ms: float) -> Run:
        client, server = self._cpu()
        return Run(seconds, client - cpu[0], server - cpu[1], gap_ms)


@contextmanager
def senders(line: Line | None = None, **settings: str) -> Iterator[Senders]:
    """Start a site, a browser, and the simulated line from the browser to S3.

    Stop all of them at the end of the context.
    """
    build_peer_page()
    helpers, flags, port = [], list[str](), None
    has_two_hosts = line is not None and line.has_two_hosts
    with Site(has_two_hosts=has_two_hosts, **settings) as site:
        try:
            if line:
                port = free_ports(1)[0]
                helpers.append(_start_line(line, port, site.s3_port))
                hosts = ("127.0.0.1", "localhost")
                rules = [
                    f"MAP {host}:{site.s3_port} 127.0.0.1:{port}" for host in hosts
                ]
                flags.append(f"--host-resolver-rules={','.join(rules)}")
            with Chromium(*flags) as browser:
                all_senders = Senders(site, browser, port)
                try:
                    yield all_senders
                finally:
                    all_senders.close()
        finally:
            for helper in helpers:
                helper.terminate()
                helper.wait()


def build_peer_page() -> None:
    """Install Uppy in bench/browser, and bundle the scripts of its page and of ours."""
    if not (PEER_FOLDER / "node_modules/@uppy").exists():
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],  # noqa: S607
            cwd=PEER_FOLDER,
            check=True,
        )
    _bundle("peer_page.js", BUNDLE, "esm")
    _bundle("least_script.js", LEAST_SCRIPT, "iife")


def _bundle(script: str, bundle: Path, form: str) -> None:
    subprocess.run(
        [
            str(PROJECT / "node_modules/.bin/esbuild"),
            str(PEER_FOLDER / "support" / script),
            *("--bundle", "--minify", f"--format={form}", "--log-level=error"),
            f"--outfile={bundle}",
        ],
        check=True,
    )


def compare(
    programs: Mapping[str, Callable[[list[str]], Run]],
    make_files: Callable[[Path], list[str]],
    site: Site,
    rounds: int,
) -> dict[str, list[Run]]:
    """Run each program once per round, always with new files. Return the runs."""
    runs: dict[str, list[Run]] = {name: [] for name in programs}
    for number in range(rounds):
        for name, program in programs.items():
            with TemporaryDirectory(prefix="bench-files-") as folder:
                run = program(make_files(Path(folder)))
            runs[name].append(run)
            print(
                f"round {number + 1}: {name:24} {run.seconds:7.2f} s, CPU client "
                f"{run.client_cpu:.2f} s, servers {run.server_cpu:.2f} s, "
                f"largest gap {run.largest_gap_ms:.0f} ms",
                flush=True,
            )
        site.empty_peer_bucket()
    return runs


def middle(runs: list[Run]) -> float:
    """Return the median time in seconds."""
    return statistics.median(run.seconds for run in runs)


def rows(runs: dict[str, list[Run]]) -> list[Row]:
    """Return the medians of all programs as lines of the report."""
    found = [Row(name, middle(mine), "s") for name, mine in runs.items()]
    for name, mine in runs.items():
        cpu = statistics.median(run.client_cpu + run.server_cpu for run in mine)
        found.append(Row(f"{name}, CPU", cpu, "CPU s"))
    for name, mine in runs.items():
        if gap := statistics.median(run.largest_gap_ms for run in mine):
            found.append(Row(f"{name}, largest gap", gap, "ms"))
    return found


def _start_line(line: Line, port: int, s3_port: int) -> subprocess.Popen[bytes]:
    speeds = (line.delay_ms, line.bytes_per_s_each, line.bytes_per_s_shared)
    process = _start("line.py", str(port), str(s3_port), *map(str, speeds))
    wait_for_port(port)
    return process


def _start(
    script: str, *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(PEER_FOLDER / "support" / script), *arguments],
        env=os.environ | (environment or {}),
    )
