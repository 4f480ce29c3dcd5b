"""Create uploads that a sweep must settle."""

from __future__ import annotations

from typing import Any

from tests.support.builders import (
    begin,
    put,
)
from uploads import lifecycle
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.states import State
from uploads.upkeep.sweeper import Report


def nonzero_counts(report: Report) -> dict[str, int]:
    """Return the counts of a report that are not zero."""
    return {name: count for name, count in report.as_dict().items() if count}


def abandon(bucket: Bucket, owner: Any, state: State = State.CANCELLED) -> Upload:
    """Return an upload that has changed its state but was not purged."""
    upload = begin(owner)
    put(bucket, upload, b"hello")
    lifecycle.move(upload, state)
    return upload
