"""Simulated people who upload, cancel, delete and leave, also during faults."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection
from playwright.sync_api import Error, Page, sync_playwright

from tests.faults.browser import Browser, choose
from tests.faults.client import Client, RefusedError, RetryTimeoutError
from tests.faults.soak_servers import SoakServers

KIB = 1024
MIB = 1024 * KIB


@dataclass
class Results:
    """Answers that people got from the site, for a comparison with the final state."""

    ready: set[str] = field(default_factory=set)
    """Ids of uploads that the site reported as ready and that no person has deleted."""
    outcomes: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, outcome: str) -> None:
        with self.lock:
            self.outcomes[outcome] += 1


def name_of(content: bytes) -> str:
    """Return a filename with the content's SHA-256, for the comparison at the end."""
    return f"{hashlib.sha256(content).hexdigest()}.bin"


class Person(threading.Thread):
    """A person who uses the JSON API."""

    def __init__(
        self,
        servers: SoakServers,
        results: Results,
        *,
        seed: int,
        until: float,
        number: int,
    ) -> None:
        super().__init__(daemon=True)
        self._chance = random.Random(f"{seed}/person/{number}")
        self._results = results
        self._until = until
        self.error: BaseException | None = None
        _, token = servers.new_person()
        self._client = Client(
            servers.site_proxy.url,
            token,
            retry_seconds=60,
            timeout=10,
            chance=random.Random(f"{seed}/client/{number}"),
        )

    def run(self) -> None:
        """Upload, cancel and delete until ``until``."""
        actions: list[Callable[[], str]] = (
            [self._upload] * 14 + [self._cancel] * 2 + [self._delete, self._abandon] * 2
        )
        try:
            while time.monotonic() < self._until:
                self._results.count(self._try(self._chance.choice(actions)))
        except BaseException as error:  # noqa: BLE001  the soak reports it
            self.error = error

    def _try(self, action: Callable[[], str]) -> str:
        try:
            return action()
        except RetryTimeoutError:
            return "gave up after retries"
        except RefusedError as error:
            return f"refused: {error.reply.status} {error.code}"

    def _content(self) -> tuple[bytes, bool]:
        """Return a content, and whether to send it in parts."""
        if self._chance.random() < 0.35:
            return self._chance.randbytes(self._chance.randint(MIB, 34 * MIB)), True
        size = self._chance.choice([0, 1, 1000, 100 * KIB, 3 * MIB])
        return self._chance.randbytes(size), False

    def _upload(self) -> str:
        content, parts = self._content()
        record = self._client.upload(content, name=name_of(content), parts=parts)
        if record["state"] != "ready":
            return f"answered: {record['state']}"
        self._results.ready.add(record["id"])
        return "uploaded"

    def _delete(self) -> str:
        content, parts = self._content()
        record = self._client.upload(content, name=name_of(content), parts=parts)
        self._client.call_with_retries("DELETE", f"/uploads/{record['id']}")
        return "deleted"

    def _cancel(self) -> str:
        content = self._chance.randbytes(20 * MIB)
        upload = self._client.start(content, name=name_of(content), parts=True)
        pause = self._chance.uniform(0, 1)
        sender = threading.Thread(
            target=self._send_ignoring_errors, args=(upload, content)
        )
        sender.start()
        time.sleep(pause)
        self._client.call_with_retries("DELETE", f"/uploads/{upload['id']}")
        sender.join()
        return "cancelled"

    def _abandon(self) -> str:
        content = self._chance.randbytes(self._chance.choice([1, 20]) * MIB)
        upload = self._client.start(content, name=name_of(content), parts=True)
        numbers = self._chance.choice([[], [1]])
        self._client.send_parts(upload, content, numbers)
        return "abandoned"

    def _send_ignoring_errors(self, upload: Any, content: bytes) -> None:
        # The caller cancels the upload meanwhile, so the site then refuses requests.
        with suppress(RefusedError, RetryTimeoutError):
            self._client.send_parts(upload, content)


class PersonAtThePage(threading.Thread):
    """A person who uses Chromium, which is killed from time to time."""

    def __init__(
        self, servers: SoakServers, results: Results, *, seed: int, until: float
    ) -> None:
        super().__init__(daemon=True)
        self._servers = servers
        self._results = results
        self._chance = random.Random(f"{seed}/page")
        self._until = until
        self._folder = servers.home / "files"
        self._folder.mkdir()
        self._person, _ = servers.new_person()
        self.error: BaseException | None = None

    def run(self) -> None:
        """Upload one batch after another until ``until``."""
        try:
            with sync_playwright() as playwright:
                browser = Browser(playwright, self._servers.home / "profile")
                while time.monotonic() < self._until:
                    self._results.count(self._upload_a_batch(browser))
                browser.close()
        except BaseException as error:  # noqa: BLE001  the soak reports it
            self.error = error

    def _upload_a_batch(self, browser: Browser) -> str:
        page = self._open(browser)
        if page is None:
            return "page: could not be opened"
        files = self._files()
        try:
            choose(page, *files)
        except Error:
            browser.close()
            return "page: could not begin"
        if self._chance.random() < 0.3:
            page.wait_for_timeout(self._chance.uniform(500, 4000))
            browser.kill()
            page = self._open(browser)
            if page is None:
                return "page: killed, not opened again"
            self._continue(page, files)
            outcome = self._wait(page, seconds=60)
            browser.close()
            return f"page: killed, then {outcome}"
        outcome = self._wait(page, seconds=150)
        browser.close()
        return f"page: {outcome}"

    def _files(self) -> list[Path]:
        sizes = [self._chance.randint(17 * MIB, 50 * MIB)]
        sizes += [self._chance.randint(0, 200 * KIB) for _ in range(6)]
        files = []
        for size in sizes:
            content = self._chance.randbytes(size)
            files.append(self._folder / name_of(content))
            files[-1].write_bytes(content)
        return files

    def _open(self, browser: Browser) -> Page | None:
        """Open the page, and return it when its script runs.

        This may need several reloads.
        """
        for _ in range(10):
            try:
                page = browser.open(self._servers.site_proxy.url, self._person)
                chooser = page.locator("#chooser input[type=file]").first
                chooser.wait_for(state="attached", timeout=10_000)
            except Exception:  # noqa: BLE001  the database may be down as well
                browser.close()
                connection.close()
                time.sleep(1)
            else:
                return page
        return None

    def _continue(self, page: Page, files: list[Path]) -> None:
        with suppress(Error):
            page.locator("#unfinished-list li").first.wait_for(timeout=10_000)
        for file in files:
            row = page.locator("#unfinished-list li", has_text=file.name)
            with suppress(Error):
                row.locator("input").first.set_input_files(file, timeout=1000)

    def _wait(self, page: Page, *, seconds: float) -> str:
        """Wait until the batch ends, and click on each offered retry."""
        deadline = time.monotonic() + seconds
        again = page.get_by_role("button", name="Try again")
        done = page.get_by_role("heading", name="uploaded")
        with suppress(Error):
            while time.monotonic() < deadline:
                if done.is_visible():
                    return "all arrived"
                if again.first.is_visible():
                    again.first.click(timeout=1000)
                page.wait_for_timeout(300)
        return "not all arrived"
