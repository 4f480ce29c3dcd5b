"""Controls Chromium with a few commands of the DevTools protocol.

Playwright and ChromeDriver watch every request of a page, which costs CPU time for each
file. This driver does not watch requests, so it does not slow down the browser.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import websocket

from tests.support.chromium import FLAGS, find_chromium

_ANSWER_SECONDS = 1800
_POLL_SECONDS = 0.1


def wait_until_true(
    evaluate: Callable[[str], Any],
    condition: str,
    *,
    seconds: float,
    poll_seconds: float,
) -> Any:
    """Evaluate a JavaScript expression until it is true, and return its value.

    Raises RuntimeError after ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := evaluate(condition):
            return value
        time.sleep(poll_seconds)
    raise RuntimeError(f"Still false after {seconds} s: {condition}")


class Chromium:
    """A browser with an empty profile. Use it as a context manager."""

    def __init__(self, *flags: str) -> None:
        self._profile = tempfile.mkdtemp(prefix="bench-chromium-")
        self.process = subprocess.Popen(
            [
                find_chromium(),
                *FLAGS,
                "--headless",
                "--remote-debugging-port=0",
                f"--user-data-dir={self._profile}",
                *flags,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._browser = _Connection(self._address())
        self.call = self._browser.call
        self.wait_for = self._browser.wait_for

    def _address(self) -> str:
        written = Path(self._profile, "DevToolsActivePort")
        for _ in range(300):
            if written.exists() and len(lines := written.read_text().split()) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            time.sleep(0.1)
        raise RuntimeError("Chromium did not start.")

    def page(self) -> Page:
        """Return a new page in the foreground. Other pages do not share its cookies."""
        context = self._browser.call("Target.createBrowserContext")["browserContextId"]
        target = self._browser.call(
            "Target.createTarget",
            url="about:blank",
            browserContextId=context,
            width=1280,
            height=900,
        )["targetId"]
        base = self._browser.url.split("/devtools/")[0]
        return Page(_Connection(f"{base}/devtools/page/{target}"))

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *_: object) -> None:
        # The command may be a script that starts Chromium. Kill the whole group.
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)
        shutil.rmtree(self._profile, ignore_errors=True)


class Page:
    """One page of the browser."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self.call = connection.call

    def open(self, url: str) -> None:
        """Load ``url`` and wait until its scripts have run."""
        self.call("Page.navigate", url=url)
        path, _, _ = url.partition("?")
        self.wait(
            f"location.href.startsWith({json.dumps(path)})"
            " && document.readyState === 'complete'"
        )

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, or the result of its promise."""
        answer = self.call(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise RuntimeError(
                details.get("exception", {}).get("description") or details["text"]
            )
        return answer["result"].get("value")

    def wait(self, condition: str, *, seconds: float = 60) -> Any:
        """Wait until a JavaScript expression is true, and return its value."""
        return wait_until_true(
            self.evaluate, condition, seconds=seconds, poll_seconds=_POLL_SECONDS
        )

    def choose(self, selector: str, files: list[str]) -> None:
        """Set the files of a file input, as if a person had chosen them."""
        found = self.call(
            "Runtime.evaluate",
            expression=f"document.querySelector({json.dumps(selector)})",
        )
        self.call(
            "DOM.setFileInputFiles",
            files=files,
            objectId=found["result"]["objectId"],
        )

    def metrics(self) -> dict[str, float]:
        """Return Chromium's counters of this page, for example TaskDuration."""
        self.call("Performance.enable")
        found = self.call("Performance.getMetrics")["metrics"]
        return {metric["name"]: metric["value"] for metric in found}

    def heap_bytes(self) -> int:
        """Collect garbage, and return the size of all JavaScript objects in bytes."""
        self.call("HeapProfiler.collectGarbage")
        return int(self.call("Runtime.getHeapUsage")["usedSize"])


class _Connection:
    """Sends commands over one WebSocket. Passes events to ``on_event``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._socket = websocket.create_connection(
            url, timeout=_ANSWER_SECONDS, suppress_origin=True
        )
        self._last = 0
        self.on_event: Callable[[dict[str, Any]], None] = lambda event: None

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._last += 1
        self._socket.send(
            json.dumps({"id": self._last, "method": method, "params": params})
        )
        while True:
            message = json.loads(self._socket.recv())
            if "id" not in message:
                self.on_event(message)
            elif message["id"] == self._last:
                break
        if "error" in message:
            raise RuntimeError(f"{method}: {message['error']['message']}")
        result: dict[str, Any] = message["result"]
        return result

    def wait_for(self, event: str) -> dict[str, Any]:
        """Wait for the next event of this name. Return its parameters."""
        while (message := json.loads(self._socket.recv())).get("method") != event:
            pass
        params: dict[str, Any] = message["params"]
        return params
