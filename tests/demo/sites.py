"""Run a demo site with the commands `make run` and `make manage`."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from uploads.dev.ports import HOST, free_ports
from uploads.dev.processes import PidRecord

TIMEOUT_SECONDS = 200
RECORDS = ("web.pid", "s3/s3.pid", "sweep.pid")
COUNT_USERS = """
from django.contrib.auth.models import User
print("users", User.objects.count())
raise SystemExit(3)
"""


@dataclass
class Demo:
    """A demo site with its own ports and its own folder."""

    port: int
    s3_port: int
    data_dir: Path
    process: subprocess.Popen[str] | None = None

    @classmethod
    def on_free_ports(cls, data_dir: Path) -> Self:
        port, s3_port = free_ports(2)
        return cls(port, s3_port, data_dir)

    def command(self, action: str) -> list[str]:
        words = [sys.executable, "-m", "uploads.dev", action]
        words += ["--port", str(self.port), "--s3-port", str(self.s3_port)]
        return [*words, "--data-dir", str(self.data_dir)]

    def start(self) -> None:
        # Servers of an earlier start may still write to the old file, so create a new
        # file.
        (self.data_dir / "terminal.log").unlink(missing_ok=True)
        with (self.data_dir / "terminal.log").open("a") as terminal:
            self.process = subprocess.Popen(
                self.command("run"), stdout=terminal, stderr=terminal, text=True
            )
        wait_until(lambda: "Ctrl-C" in self.terminal() or self.process_ended())
        assert not self.process_ended(), self.terminal()

    def stop(self, signum: int = signal.SIGINT) -> int:
        assert self.process is not None
        self.process.send_signal(signum)
        return self.process.wait(TIMEOUT_SECONDS)

    def end(self) -> None:
        """Kill all processes of the site. Tests check the orderly stop."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        for record in RECORDS:
            if (pid := self.pid_of(record)) is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)

    def run(self, action: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command(action), *words],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )

    def process_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def terminal(self) -> str:
        return (self.data_dir / "terminal.log").read_text()

    def pid_of(self, record: str) -> int | None:
        return PidRecord(self.data_dir / record).pid()

    def answers(self) -> bool:
        return all(
            status(f"http://{HOST}:{port}/healthz") == 200
            for port in (self.port, self.s3_port)
        )

    def count_users(self) -> tuple[int, str]:
        """Run a command that counts users. Return its exit code and its output."""
        answer = self.run("manage", "--", "shell", "--no-imports", "-c", COUNT_USERS)
        return answer.returncode, answer.stdout


def status(url: str) -> int | None:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
            return int(response.status)
    except (OSError, http.client.HTTPException):
        return None  # a test may kill the server during an answer


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "The condition did not become true in time."
        time.sleep(0.05)
