"""Run the site under gunicorn and as functions, with one database and one bucket.

Run with `-p tests.plugins.seaweed`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugins.no_secrets import watch
from tests.serverless.functions import Function, running
from tests.support.live_site import (
    _database,
    _database_file,
    bucket_url,
    django_db_setup,
    live_site,
    person,
    site_environment,
)

__all__ = [
    "_database",
    "_database_file",
    "bucket_url",
    "django_db_setup",
    "live_site",
    "person",
    "site_environment",
]


@pytest.fixture(scope="session")
def function_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    log = tmp_path_factory.mktemp("functions") / "function.log"
    watch(log)
    return log


@pytest.fixture(scope="session")
def web(site_environment: dict[str, str], function_log: Path) -> Iterator[Function]:
    handler = "config.serverless.web.handler"
    with running(handler, site_environment, function_log) as function:
        yield function


@pytest.fixture(scope="session")
def sweep(site_environment: dict[str, str], function_log: Path) -> Iterator[Function]:
    handler = "config.serverless.jobs.sweep"
    environment = {**site_environment, "UPLOADS_SWEEP_GRACE_SECONDS": "0"}
    with running(handler, environment, function_log) as function:
        yield function


@pytest.fixture(scope="session")
def notifications(
    site_environment: dict[str, str], function_log: Path
) -> Iterator[Function]:
    handler = "config.serverless.jobs.notifications"
    with running(handler, site_environment, function_log) as function:
        yield function
