"""Take the screenshots of the documentation: docs/images/*.png.

``python -m scripts.screenshots`` starts a demo site with its own data on free ports. It
takes screenshots of four pages, each 1280 pixels wide, in light and dark colours. Then
it stops the site.
"""

from __future__ import annotations

import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import (
    Browser,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.browser.upload_page import UploadPage
from tests.support.chromium import FLAGS, find_chromium
from uploads.dev.ports import HOST, free_ports

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
SIZE: ViewportSize = {"width": 1280, "height": 800}
START_SECONDS = 120
SLOW_BYTES_PER_SECOND = 2_000_000
LARGE_FILE_BYTES = 60_000_000
MINUTE_MS = 60_000
PROGRESS_MS = 9_000
# Playwright cannot control the file pickers that these two functions open. Without the
# functions, the page uses an input element, whose dialog Playwright can control.
ASK_BY_INPUTS = "delete window.showOpenFilePicker; delete window.showDirectoryPicker;"

expect.set_options(timeout=MINUTE_MS)


def main() -> None:
    """Write all screenshots."""
    with tempfile.TemporaryDirectory() as folder, demo_site(Path(folder)) as site:
        files = sample_files(Path(folder) / "files")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=find_chromium(), args=FLAGS
            )
            take_all(browser, site, files)
            browser.close()


@dataclass(frozen=True)
class DemoSite:
    """The ports of a demo site, and the folder of its data."""

    port: int
    s3_port: int
    folder: Path

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    def command(self, action: str) -> list[str]:
        ports = ["--port", str(self.port), "--s3-port", str(self.s3_port)]
        words = [*ports, "--data-dir", str(self.folder)]
        return [sys.executable, "-m", "uploads.dev", action, *words]

    def manage(self, *words: str) -> None:
        """Run a management command on the site."""
        subprocess.run([*self.command("manage"), "--", *words], check=True)


@contextmanager
def demo_site(folder: Path) -> Iterator[DemoSite]:
    """Run a demo site with its data in ``folder``."""
    port, s3_port = free_ports(2)
    site = DemoSite(port, s3_port, folder)
    process = subprocess.Popen(site.command("run"))
    try:
        wait_for(f"{site.address}/readyz")
        yield site
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(START_SECONDS)


def wait_for(url: str) -> None:
    """Wait until ``url`` returns 200. Raises TimeoutError after START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url):  # noqa: S310  the demo site
                return
        except OSError:
            time.sleep(0.5)
    raise TimeoutError(f"{url} does not answer.")


def sample_files(folder: Path) -> list[Path]:
    """Write files with realistic names. Return their paths, the largest file last."""
    folder.mkdir()
    chance = random.Random(7)
    contents = {
        "Harbour at dawn.png": picture((240, 150, 90), (60, 80, 140)),
        "Meadow.png": picture((120, 180, 90), (230, 230, 160)),
        "Meeting notes.txt": b"Decisions\n1. Ship on Monday.\n" * 40,
        "Budget 2026.csv": b"item,amount\nrent,1200\npower,310\n" * 60,
        "Interview.wav": wave(chance, 3_000_000),
        "Site survey.bin": chance.randbytes(LARGE_FILE_BYTES),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


def picture(top: tuple[int, ...], bottom: tuple[int, ...], side: int = 160) -> bytes:
    """Return a PNG with a vertical gradient between two colours."""
    rows = bytearray()
    for y in range(side):
        colour = bytes(
            a + (b - a) * y // side for a, b in zip(top, bottom, strict=True)
        )
        rows += b"\0" + colour * side

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(rows)))
        + chunk(b"IEND", b"")
    )


def wave(chance: random.Random, byte_count: int) -> bytes:
    """Return a WAV file with ``byte_count`` bytes of noise."""
    sound = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8)
    data = struct.pack("<4sI", b"data", byte_count) + chance.randbytes(byte_count)
    return struct.pack("<4sI4s", b"RIFF", 4 + len(sound + data), b"WAVE") + sound + data


def take_all(browser: Browser, site: DemoSite, files: list[Path]) -> None:
    """Write the screenshots of four pages, each in both colour schemes."""
    address = site.address
    *small, large = files
    page = log_in(browser, address, "demo")
    upload_page = UploadPage(page, address)
    upload_page.open()
    shoot(page, "upload")
    upload_page.upload(*small)
    upload_page.open()
    with slow_line(page):
        upload_page.choose(large)
        upload_page.start()
        page.wait_for_timeout(PROGRESS_MS)
        shoot(page, "progress")
    upload_page.wait_until_uploaded(1)
    upload_page.open()
    shoot(page, "files")
    for command in ("sweep", "audit"):
        site.manage(command)
    shoot(log_in(browser, address, "admin", path="/admin/"), "admin")


@contextmanager
def slow_line(page: Page) -> Iterator[None]:
    """Limit the upload speed of the browser inside the ``with`` block."""
    session = page.context.new_cdp_session(page)
    limits = {"offline": False, "latency": 40, "downloadThroughput": -1}
    speed = {"uploadThroughput": SLOW_BYTES_PER_SECOND}
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", {**limits, **speed})
    yield
    unlimited = {"uploadThroughput": -1}
    session.send("Network.emulateNetworkConditions", {**limits, **unlimited})
    session.detach()


def log_in(browser: Browser, address: str, name: str, path: str = "/") -> Page:
    """Return a page of a new browser context in which ``name`` is logged in."""
    page = browser.new_context(viewport=SIZE).new_page()
    page.add_init_script(ASK_BY_INPUTS)
    page.goto(f"{address}/accounts/login/?next={path}")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(name)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url(f"{address}{path}")
    return page


def shoot(page: Page, name: str) -> None:
    """Write a screenshot of ``page`` in the light and in the dark colour scheme."""
    IMAGES.mkdir(exist_ok=True)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(1_000)
        page.screenshot(path=IMAGES / f"{name}-{scheme}.png")


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
