"""Race for a quota over HTTP, against processes with threads."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.faults.site import Site
from tests.races.conftest import SIZE
from tests.races.consistency import assert_quotas_add_up
from tests.races.requests import call, start
from tests.races.threads import at_once
from uploads.access.tokens import create_token
from uploads.dev.s3_server import S3Server
from uploads.lifecycle import quota


def test_60_requests_against_a_quota_for_10_admit_exactly_10_on_postgresql(
    alice: Any, four_workers: str
) -> None:
    _, token = create_token(alice, name="race")

    answers = at_once(
        lambda: start(four_workers, token, SIZE)[:2], threads=60, connected=False
    )

    assert Counter(answers) == {(201, ""): 10, (403, "quota_exceeded"): 50}
    assert quota.usage(alice).reserved_bytes == 10 * SIZE
    assert_quotas_add_up()


def test_64_starts_against_a_quota_for_10_admit_exactly_10_on_sqlite(
    s3_server: S3Server, tmp_path: Path
) -> None:
    environment = {
        **s3_server.environment(),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
        "UPLOADS_DEFAULT_QUOTA_BYTES": str(10 * SIZE),
    }
    site = Site(
        tmp_path, environment, options=["--config", "python:tests.races.sqlite_config"]
    )
    try:
        # The threads of the master process race before the site answers.
        site.start()
        received = json.loads((tmp_path / "results.json").read_text())
        # Then HTTP requests race on the same database, which two processes write.
        token = received["token_of_bob"]
        answers = at_once(
            lambda: start(site.url, token, SIZE)[:2], threads=64, connected=False
        )
        with call(f"{site.url}/api/v1/me", token) as answer:
            reserved = json.load(answer)["quota"]["reserved_bytes"]
    finally:
        site.stop()

    assert received["journal_mode"] == "wal"
    assert received["results"] == {"Upload": 10, "QuotaExceeded": 54}
    assert received["reserved_bytes"] == 10 * SIZE
    assert Counter(answers) == {(201, ""): 10, (403, "quota_exceeded"): 54}
    assert reserved == 10 * SIZE
