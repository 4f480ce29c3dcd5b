"""Uploads that a sweep has to settle."""

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


def told(report: Report) -> dict[str, int]:
    """Return what a report tells of, without its zeros."""
    return {name: count for name, count in report.as_dict().items() if count}


def abandon(bucket: Bucket, owner: Any, state: State = State.CANCELLED) -> Upload:
    """Leave an upload as a process does that dies between the move and the purge."""
    upload = begin(owner)
    put(bucket, upload, b"hello")
    lifecycle.move(upload, state)
    return upload
