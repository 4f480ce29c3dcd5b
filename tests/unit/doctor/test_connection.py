"""The doctor compares the network of the bucket's host with the network of the pages."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from uploads.doctor import addresses, connection
from uploads.doctor.bucket_settings import _finding
from uploads.doctor.results import Status
from uploads.s3.setting_up import Outcome, Result
from uploads.s3.wanted.merging import Change

PAGES, BUCKET = "files.example.com", "bucket.example.com"
PRIVATE = "10.0.0.7"


@pytest.mark.parametrize(
    ("ours", "status", "fact"),
    [
        ([], Status.SKIP, f"DNS has no address for {BUCKET}."),
        ([PRIVATE], Status.WARN, PRIVATE),
        (["8.8.8.8"], Status.OK, ""),
    ],
)
def test_private_address_of_the_bucket_is_reported_if_pages_are_public(
    monkeypatch: pytest.MonkeyPatch, ours: list[str], status: Status, fact: str
) -> None:
    known = {PAGES: ["8.8.4.4"], BUCKET: ours}
    monkeypatch.setattr(addresses, "resolved", lambda host: known[host])
    monkeypatch.setattr(connection, "_origins", lambda _: [f"https://{PAGES}"])
    examination: Any = SimpleNamespace()

    found = connection._reachable_network(examination, BUCKET)

    assert found.status == status
    assert fact in found.fact


def test_finding_for_a_missing_bucket_says_that_the_bucket_does_not_exist() -> None:
    reason = "The bucket does not exist, so its settings cannot be compared."
    change = Change("bucket", "", "slipway")
    result = Result("bucket", "The bucket", Outcome.PLANNED, reason, changes=(change,))

    assert _finding(result, refused="").fact == reason
