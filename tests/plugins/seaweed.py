"""Start a real S3 server for a test run: `pytest -p tests.plugins.seaweed`.

The server starts before Django reads its settings, so the whole site uses it. Each
process that runs tests has its own server on free ports.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from tests.plugins.homes import new_home, remove_leftovers
from tests.plugins.workers import runs_tests_itself
from uploads.dev.s3_server import S3Server

if TYPE_CHECKING:
    from pytest_django import Settings

    from uploads.s3.bucket import Bucket

_PREFIX = "slipway-s3-"
_SERVER = pytest.StashKey[S3Server]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config,
) -> Generator[None, None, None]:
    if runs_tests_itself(early_config):
        remove_leftovers(_PREFIX, server="s3.pid")
        server = S3Server(new_home(_PREFIX))
        early_config.stash[_SERVER] = server
        server.start()
        os.environ.update(server.environment())
    return (yield)


def pytest_unconfigure(config: pytest.Config) -> None:
    if _SERVER in config.stash:
        server = config.stash[_SERVER]
        server.kill()
        shutil.rmtree(server.data_dir, ignore_errors=True)


@pytest.fixture(scope="session")
def s3_server(pytestconfig: pytest.Config) -> S3Server:
    """Return the server, which has a bucket. Tests may kill and restart it."""
    # Imported here, because Django is not set up when this plugin is loaded.
    from uploads.s3.bucket import get_bucket
    from uploads.s3.bucket_config import apply

    apply(get_bucket(), origins=["http://127.0.0.1", "http://localhost"])
    return pytestconfig.stash[_SERVER]


@pytest.fixture
def seaweed_bucket(s3_server: S3Server, settings: Settings) -> Bucket:
    """Return the site's bucket on the real server, with a key prefix for this test."""
    from uploads.s3.bucket import get_bucket

    if s3_server.returncode() is not None:
        s3_server.start()
    prefix = f"{s3_server.key_prefix}{uuid.uuid4().hex}/"
    settings.UPLOADS = {**settings.UPLOADS, "KEY_PREFIX": prefix}
    return get_bucket()
