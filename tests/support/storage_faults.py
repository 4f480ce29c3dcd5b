"""Simulate S3 errors and killed processes, with hooks in boto3 and in SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from django.db import connection

from uploads.s3.bucket import Bucket

EVENT = "before-call.s3"


class Killed(BaseException):
    """Raised in place of a kill of the process."""


@contextmanager
def refusing(bucket: Bucket, *operations: str, key: str = "") -> Iterator[None]:
    """Make S3 answer 500 to these operations; with ``key``, only for this key."""

    def answer(model: Any, params: Any, **_: Any) -> Any:
        if operations and model.name not in operations:
            return None
        if key not in params["url_path"]:
            return None
        error = {"Code": "InternalError", "Message": "refused by a test"}
        return SimpleNamespace(status_code=500), {"Error": error}

    with _heard(bucket, answer):
        yield


@contextmanager
def counted(bucket: Bucket) -> Iterator[Counter[str]]:
    """Count the calls to S3 by operation."""
    calls: Counter[str] = Counter()

    def count(model: Any, **_: Any) -> None:
        calls[model.name] += 1

    with _heard(bucket, count):
        yield calls


@contextmanager
def killed_at(bucket: Bucket, step: int) -> Iterator[None]:
    """Raise Killed at call number ``step`` (from 1) to S3 or to the database."""
    steps = 0

    def walk() -> None:
        nonlocal steps
        steps += 1
        if steps == step:
            raise Killed

    def before_call(**_: Any) -> None:
        walk()

    def before_query(execute: Any, sql: str, *rest: Any) -> Any:
        if not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            walk()
        return execute(sql, *rest)

    with _heard(bucket, before_call), connection.execute_wrapper(before_query):
        yield


@contextmanager
def _heard(bucket: Bucket, listener: Callable[..., Any]) -> Iterator[None]:
    events = bucket.client.meta.events
    events.register_first(EVENT, listener)
    try:
        yield
    finally:
        events.unregister(EVENT, listener)
