"""Simulate S3 errors and killed processes, with hooks in the S3 clients and in SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

from botocore.exceptions import ClientError
from django.db import connection

from uploads.s3.bucket import Bucket
from uploads.s3.requesting import Answer, ObjectRequests, Outcome, Read

EVENT = "before-call.s3"
_listeners: list[Callable[..., Any]] = []


class Killed(BaseException):
    """Raised by ``killed_at`` to simulate a killed process."""


@contextmanager
def s3_answers_500(bucket: Bucket, *operations: str, key: str = "") -> Iterator[None]:
    """Make S3 answer 500 to these operations.

    With ``key``, only requests for this key fail.
    """

    def answer(model: Any, params: Any, **_: Any) -> Any:
        if operations and model.name not in operations:
            return None
        if key not in params["url_path"]:
            return None
        error = {"Code": "InternalError", "Message": "refused by a test"}
        return SimpleNamespace(status_code=500), {"Error": error}

    with before_s3_calls(bucket, answer):
        yield


@contextmanager
def count_s3_calls(bucket: Bucket) -> Iterator[Counter[str]]:
    """Count the calls to S3 by operation."""
    calls: Counter[str] = Counter()

    def count(model: Any, **_: Any) -> None:
        calls[model.name] += 1

    with before_s3_calls(bucket, count):
        yield calls


@contextmanager
def killed_at(bucket: Bucket, step: int) -> Iterator[None]:
    """Raise Killed at call number ``step`` to S3 or to the database. The first is 1."""
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

    with before_s3_calls(bucket, before_call), connection.execute_wrapper(before_query):
        yield


@contextmanager
def before_s3_calls(bucket: Bucket, listener: Callable[..., Any]) -> Iterator[None]:
    """Call ``listener`` before each call to S3, of boto3 and of our own client.

    ``listener`` gets ``model`` with the operation's name, and ``params`` with
    ``url_path``. If it returns an answer, the caller gets this answer instead of S3's.
    """
    events = bucket.client.meta.events
    send, send_many = ObjectRequests.send, ObjectRequests.send_many

    def refusal(operation: str, key: str) -> ClientError | None:
        model, params = SimpleNamespace(name=operation), {"url_path": f"/{key}"}
        answers = [one(model=model, params=params) for one in reversed(_listeners)]
        said = next((answer for answer in answers if answer is not None), None)
        if said is None:
            return None
        response: Any = {
            **said[1],
            "ResponseMetadata": {"HTTPStatusCode": said[0].status_code},
        }
        return ClientError(response, operation)

    def listen_and_send(
        requests: ObjectRequests, operation: str, key: str, **options: Any
    ) -> Answer:
        if error := refusal(operation, key):
            raise error
        return send(requests, operation, key, **options)

    def listen_and_send_many(
        requests: ObjectRequests, reads: Sequence[Read]
    ) -> list[Outcome]:
        errors = [refusal(read.operation, read.key) for read in reads]
        pairs = list(zip(reads, errors, strict=True))
        rest = iter(send_many(requests, [read for read, error in pairs if not error]))
        return [error or next(rest) for error in errors]

    is_first = not _listeners
    _listeners.append(listener)
    events.register_first(EVENT, listener)
    try:
        if is_first:
            with (
                mock.patch.object(ObjectRequests, "send", listen_and_send),
                mock.patch.object(ObjectRequests, "send_many", listen_and_send_many),
            ):
                yield
        else:
            yield
    finally:
        events.unregister(EVENT, listener)
        _listeners.remove(listener)
