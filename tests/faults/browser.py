"""Chromium with a permanent profile, and a person's actions on the page."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from playwright.sync_api import BrowserContext, Error, Page, Playwright, expect

from tests.faults.parts import wait_until
from tests.support.chromium import FLAGS, find_chromium
from tests.support.sessions import new_session
from uploads.dev.processes import started_at

if TYPE_CHECKING:
    from django.contrib.auth.models import User

# Long, because a machine may be busy. A test that succeeds does not wait this long.
TIMEOUT_MS = 120_000
expect.set_options(timeout=TIMEOUT_MS)


class Browser:
    """A person's browser, which tests can kill, suspend, resume and open again."""

    def __init__(self, playwright: Playwright, profile: Path) -> None:
        self.profile = profile
        self._playwright = playwright
        self._context: BrowserContext | None = None

    @property
    def context(self) -> BrowserContext:
        assert self._context is not None, "The browser is not open."
        return self._context

    def open(self, url: str, person: User) -> Page:
        """Start the browser with its profile, and return the site's first page.

        This also logs the person in, because a killed browser may lose its newest
        cookies.
        """
        self._context = self._playwright.chromium.launch_persistent_context(
            self.profile,
            executable_path=find_chromium(),
            args=FLAGS,
            timeout=TIMEOUT_MS,
        )
        self._context.set_default_timeout(TIMEOUT_MS)
        name, value = settings.SESSION_COOKIE_NAME, new_session(person)
        self._context.add_cookies([{"name": name, "value": value, "url": url}])
        page = self._context.pages[0]
        page.goto(url)
        return page

    def kill(self) -> None:
        """Kill the browser without letting it save anything, as in a crash.

        Returns when all its processes have ended, so they cannot send another byte.
        """
        pids = self._send(signal.SIGKILL)
        self.close()
        wait_until(lambda: not any(map(started_at, pids)))

    def suspend(self) -> None:
        """Suspend every process of the browser, as a sleeping laptop does."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume a suspended browser."""
        self._send(signal.SIGCONT)

    def close(self) -> None:
        """Close the browser if it is open."""
        if self._context is not None:
            with contextlib.suppress(Error):
                self._context.close()
            self._context = None

    def _send(self, number: signal.Signals) -> list[int]:
        pids = self._pids()
        for pid in pids:
            with contextlib.suppress(
                ProcessLookupError
            ):  # the process has ended meanwhile
                os.kill(pid, number)
        return pids

    def _pids(self) -> list[int]:
        """Return the ids of the browser's processes, the main process first."""
        listed = subprocess.run(
            ["ps", "-axww", "-o", "pid=,ppid=,command="],
            capture_output=True,
            text=True,
            check=True,
        )
        split = (line.split(None, 2) for line in listed.stdout.splitlines())
        lines = [
            words for words in split if len(words) == 3
        ]  # some processes have no command
        mine = f"--user-data-dir={self.profile}"
        pids = [
            pid for pid, _, words in lines if mine in words and "--type=" not in words
        ]
        for parent in pids:  # the loop also adds the children of added children
            pids += [
                pid for pid, ppid, _ in lines if ppid == parent and pid not in pids
            ]
        return [int(pid) for pid in pids]


def choose(page: Page, *files: Path) -> None:
    """Choose files and start the upload."""
    page.locator("#chooser input[type=file]").first.set_input_files(files)
    page.get_by_role("button", name=re.compile(r"^Upload \d+ file")).click()


def continue_with(page: Page, file: Path) -> None:
    """Choose a file for the only unfinished upload, so that the upload continues."""
    row = page.locator("#unfinished-list li")
    expect(row).to_have_count(1)
    row.locator("input[type=file]").set_input_files(file)


def wait_until_done(page: Page, files: int = 1, *, seconds: float = 180) -> None:
    """Wait until the page says that all files have arrived, without a click."""
    words = f"{files} file uploaded" if files == 1 else f"{files} files uploaded"
    heading = page.get_by_role("heading", name=words, exact=True)
    expect(heading).to_be_visible(timeout=seconds * 1000)
