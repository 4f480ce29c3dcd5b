"""Start an AWS emulator for a test run: `pytest -p tests.plugins.ministack`.

It has features that SeaweedFS lacks: Block Public Access, blocked SSE-C, conditions in
policies, SQS. It checks signatures, but no IAM policies.
"""

from __future__ import annotations

import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

import pytest

from tests.plugins.homes import new_home, remove_leftovers
from tests.plugins.workers import runs_tests_itself
from uploads.dev.ports import HOST, free_ports
from uploads.dev.processes import PidRecord, spawn, stop

_PREFIX = "slipway-aws-"
_READY_SECONDS = 60
_BINARY = Path(".venv-tools/ministack/bin/ministack")
_SERVER = pytest.StashKey["MiniStack"]()


@dataclass
class MiniStack:
    """A process of the emulator. Its data is lost when it ends."""

    home: Path
    port: int = field(default_factory=lambda: free_ports(1)[0])
    process: Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return the URL of all emulated services."""
        return f"http://{HOST}:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return the variables that point the site and boto3 at the emulator."""
        return {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_SQS": self.url,
            "S3_ENDPOINT_URL": self.url,
            "S3_ADDRESSING_STYLE": "path",
            "S3_REGION": "us-east-1",
            "S3_BUCKET": "slipway",
            "S3_ACCESS_KEY_ID": "test",
            "S3_SECRET_ACCESS_KEY": "test",
            "S3_SIGNER_ACCESS_KEY_ID": "test",
            "S3_SIGNER_SECRET_ACCESS_KEY": "test",
        }

    def start(self) -> None:
        """Start the emulator and return when it answers."""
        if not _BINARY.exists():
            raise pytest.UsageError("MiniStack is missing. Run scripts/ministack.sh.")
        environment = {
            **os.environ,
            "AUTH": "true",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_HOST": HOST,
            "SERVICES": "s3,sqs,iam,sts",
        }
        log = self.home / "ministack.log"
        command = [str(_BINARY.resolve())]
        self.process = spawn(command, environment=environment, log=log)
        PidRecord(self.home / "ministack.pid").write(self.process.pid)
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            if self._answers():
                return
            time.sleep(0.1)
        self.stop()
        raise pytest.UsageError(f"MiniStack did not start. See its log {log}.")

    def stop(self) -> None:
        """Stop the process."""
        if self.process is not None:
            stop(self.process)

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(self.url, timeout=2).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config,
) -> Generator[None, None, None]:
    if runs_tests_itself(early_config):
        remove_leftovers(_PREFIX, server="ministack.pid")
        server = MiniStack(new_home(_PREFIX))
        early_config.stash[_SERVER] = server
        server.start()
        os.environ.update(server.environment())
    return (yield)


def pytest_unconfigure(config: pytest.Config) -> None:
    if _SERVER in config.stash:
        server = config.stash[_SERVER]
        server.stop()
        shutil.rmtree(server.home, ignore_errors=True)


@pytest.fixture(scope="session")
def ministack(pytestconfig: pytest.Config) -> MiniStack:
    """Return the running emulator."""
    return pytestconfig.stash[_SERVER]
