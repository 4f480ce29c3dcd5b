"""Counts and times the calls to S3 for the metrics, by operation and result."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from uploads.metrics.counting import count_s3_call

OK, NOT_FOUND, REFUSED, FAILED, UNREACHABLE = (
    *("ok", "not_found", "refused"),
    *("failed", "unreachable"),
)
_STARTED = "slipway_started"


def measure(client: Any) -> None:
    """Count and time all calls of a boto3 client."""
    events = client.meta.events
    service = client.meta.service_model.service_id.hyphenize()
    events.register(f"before-call.{service}", _begin)
    events.register(f"after-call.{service}", _end)
    events.register(f"after-call-error.{service}", _end_without_answer)


@contextmanager
def measured(verb: str) -> Iterator[None]:
    """Count and time the block, which must call S3 once and raise boto3's exceptions.

    Use it for calls that the site sends without boto3.
    """
    result, started = OK, time.perf_counter()
    try:
        yield
    except ClientError as error:
        result = _result_of(error.response["ResponseMetadata"]["HTTPStatusCode"])
        raise
    except BotoCoreError:
        result = UNREACHABLE
        raise
    finally:
        count_s3_call(verb, result, time.perf_counter() - started)


def count_call(verb: str, status: int, seconds: float) -> None:
    """Count a call that the site has sent without boto3, by its HTTP status."""
    count_s3_call(verb, _result_of(status), seconds)


def _begin(*, context: dict[str, Any], **_: Any) -> None:
    context[_STARTED] = time.perf_counter()


def _end(*, http_response: Any, model: Any, context: dict[str, Any], **_: Any) -> None:
    count_s3_call(model.name, _result_of(http_response.status_code), _seconds(context))


def _end_without_answer(*, event_name: str, context: dict[str, Any], **_: Any) -> None:
    verb = event_name.rpartition(".")[2]
    count_s3_call(verb, UNREACHABLE, _seconds(context))


def _seconds(context: dict[str, Any]) -> float:
    now = time.perf_counter()
    return now - float(context.get(_STARTED, now))


def _result_of(status: int) -> str:
    if status < 400:
        return OK
    if status == 404:
        return NOT_FOUND
    return REFUSED if status < 500 else FAILED
