"""The quota race as clients run it: over HTTP, against processes with threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.production import production
from tests.races.books import assert_quotas_add_up
from tests.races.files import checksum
from tests.races.threads import at_once
from uploads import quota
from uploads.dev.ports import HOST, free_ports
from uploads.dev.processes import spawn, stop
from uploads.dev.s3_server import S3Server
from uploads.tokens import create_token

SIZE = 700


def test_64_requests_against_a_quota_for_10_admit_exactly_10_on_postgresql(
    alice: Any, s3_server: S3Server, tmp_path: Path
) -> None:
    _, token = create_token(alice, name="race")
    facts = connection.get_connection_params()
    database = f"postgresql://postgres:@/{facts['dbname']}?host={facts['host']}"

    with site(s3_server, database, tmp_path) as url:
        answers = at_once(lambda: start(url, token), threads=64)

    assert Counter(answers) == {(201, ""): 10, (403, "quota_exceeded"): 54}
    assert quota.usage(alice).reserved_bytes == 10 * SIZE
    assert_quotas_add_up()


def test_64_starts_against_a_quota_for_10_admit_exactly_10_on_sqlite(
    s3_server: S3Server, tmp_path: Path
) -> None:
    database = tmp_path / "db.sqlite3"
    command = [sys.executable, "-m", "tests.races.sqlite_starts"]
    threads = subprocess.run(
        [*command, str(database), str(SIZE)],
        env={**os.environ, **s3_server.environment()},
        check=True,
        stdout=subprocess.PIPE,
    )
    told = json.loads(threads.stdout)
    assert told["journal_mode"] == "wal"
    assert told["results"] == {"Upload": 10, "QuotaExceeded": 54}
    assert told["reserved_bytes"] == 10 * SIZE

    # And again by requests, on the same database: now two processes write.
    with site(s3_server, f"sqlite:///{database}", tmp_path) as url:
        answers = at_once(lambda: start(url, told["token_of_bob"]), threads=64)
        reserved = read_quota(url, told["token_of_bob"])["reserved_bytes"]

    assert Counter(answers) == {(201, ""): 10, (403, "quota_exceeded"): 54}
    assert reserved == 10 * SIZE


@contextmanager
def site(
    s3_server: S3Server,
    database: str,
    home: Path,
    *,
    workers: int = 2,
    **variables: str,
) -> Iterator[str]:
    """Serve the site by processes of eight threads; yield its URL."""
    url = f"http://{HOST}:{free_ports(1)[0]}"
    environment = {
        **os.environ,
        **s3_server.environment(),
        **production(),
        "DATA_DIR": str(home),
        "DATABASE_URL": database,
        "UPLOADS_DEFAULT_QUOTA_BYTES": str(10 * SIZE),
        **variables,
    }
    command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", url[7:]]
    # Loaded once, then forked: four times the same import is most of such a test.
    command += ["--workers", str(workers), "--threads", "8", "--preload"]
    process = spawn(command, environment=environment, log=home / "site.log")
    try:
        wait_until_it_answers(url, process, home / "site.log")
        yield url
    finally:
        stop(process)


def wait_until_it_answers(
    url: str, process: subprocess.Popen[bytes], log: Path
) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/healthz", timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"The site did not start:\n{log.read_text()}")


def start(url: str, token: str) -> tuple[int, str]:
    """Start an upload over HTTP; return the status and a problem's code."""
    body = {
        "filename": "notes.txt",
        "byte_size": SIZE,
        "content_type": "text/plain",
        "checksum_sha256": checksum(b"x" * SIZE),
    }
    try:
        with call(f"{url}/api/v1/uploads", token, body) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["code"]


def read_quota(url: str, token: str) -> dict[str, int]:
    with call(f"{url}/api/v1/me", token) as answer:
        quota_of_caller: dict[str, int] = json.load(answer)["quota"]
        return quota_of_caller


def call(url: str, token: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    return urllib.request.urlopen(
        urllib.request.Request(url, data=data, headers=headers), timeout=120
    )
