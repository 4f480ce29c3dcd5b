"""Health checks are cheap for many requests, and cached only for some seconds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import Client

from uploads.s3.bucket import Bucket
from uploads.views import health
from uploads.views.health import FRESH_SECONDS, PATIENCE_SECONDS, Probe

pytestmark = pytest.mark.django_db

TIMEOUT_SECONDS = 60


@pytest.fixture(autouse=True)
def _clear_health_cache() -> Iterator[None]:
    """Clear the cached answers before each test."""
    clear_health_cache()
    yield
    clear_health_cache()


def clear_health_cache() -> None:
    health.database.forget()
    health.bucket.forget()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_health_check_needs_no_login_and_no_database(
    client: Client, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        response = client.get("/healthz")

    assert response.status_code == 200
    assert response.json() == {"status": "ok"}


def test_site_is_ready_when_database_and_bucket_answer(
    client: Client, bucket: Bucket
) -> None:
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {"status": "ok", "database": "ok", "bucket": "ok"}


def test_missing_bucket_is_named_without_details(
    client: Client, bucket: Bucket
) -> None:
    bucket.client.delete_bucket(Bucket=bucket.name)

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {"status": "failed", "database": "ok", "bucket": "failed"}


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError])
def test_unavailable_database_is_named(
    client: Client, bucket: Bucket, kind: type[Exception]
) -> None:
    def refuse(*_: Any) -> Any:
        raise kind("password of slipway at db.internal")

    with connection.execute_wrapper(refuse):
        response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {"status": "failed", "database": "failed", "bucket": "ok"}


def test_many_readiness_requests_cause_only_one_check(
    client: Client,
    bucket: Bucket,
    django_assert_num_queries: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for probe in (health.database, health.bucket):
        monkeypatch.setattr(probe, "_clock", Clock())

    with (
        mock.patch.object(Bucket, "check", autospec=True) as check,
        django_assert_num_queries(1),
    ):
        answers = [client.get("/readyz") for _ in range(20)]

    assert {answer.status_code for answer in answers} == {200}
    assert check.call_count == 1


def test_answer_is_cached_for_some_seconds() -> None:
    clock, works = Clock(), [True, False, True]
    probe = Probe(lambda: works.pop(0), clock)

    assert probe.answers()
    clock.now += FRESH_SECONDS - 0.1
    assert probe.answers()
    clock.now += 0.2
    assert not probe.answers()
    clock.now += FRESH_SECONDS - 0.1
    assert not probe.answers()
    clock.now += 0.2
    assert probe.answers()
    assert works == []


def test_concurrent_requests_do_not_wait_for_a_check_in_progress() -> None:
    clock = Clock()
    asked, may_answer = threading.Event(), threading.Event()
    questions: list[str] = []

    def ask() -> bool:
        questions.append(threading.current_thread().name)
        if len(questions) > 1:
            asked.set()
            assert may_answer.wait(TIMEOUT_SECONDS)
        return len(questions) == 1

    probe = Probe(ask, clock)
    assert probe.answers()
    clock.now += FRESH_SECONDS
    slow = threading.Thread(target=probe.answers)
    slow.start()
    try:
        assert asked.wait(TIMEOUT_SECONDS)
        assert [probe.answers() for _ in range(50)] == [True] * 50
        # A check that hangs counts as failed after PATIENCE_SECONDS.
        clock.now += PATIENCE_SECONDS
        assert not probe.answers()
    finally:
        may_answer.set()
        slow.join(TIMEOUT_SECONDS)

    assert len(questions) == 2
    assert not probe.answers()


def test_probe_reports_a_failure_while_its_first_check_runs() -> None:
    seen: list[bool] = []

    def ask() -> bool:
        seen.append(probe.answers())
        return True

    probe = Probe(ask)

    assert probe.answers()
    assert seen == [False]


def test_answer_after_the_timeout_counts_as_failed() -> None:
    clock, seconds = Clock(), [PATIENCE_SECONDS, PATIENCE_SECONDS - 1]

    def ask() -> bool:
        clock.now += seconds.pop(0)
        return True

    probe = Probe(ask, clock)

    assert not probe.answers()
    assert not probe.answers()  # from the cache
    clock.now += FRESH_SECONDS
    assert probe.answers()


def test_probe_repeats_a_check_that_raised() -> None:
    clock = Clock()
    ask = mock.Mock(side_effect=[ZeroDivisionError, True])
    probe = Probe(ask, clock)

    with pytest.raises(ZeroDivisionError):
        probe.answers()
    assert not probe.answers()
    clock.now += FRESH_SECONDS
    assert probe.answers()
