"""Test the answers and log lines of the site while the database is unavailable."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import Mock

import psycopg
import pytest
from django.conf import settings as site
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    connection,
    transaction,
)
from django.test import Client
from psycopg import errors

from tests.support.routes import all_paths
from tests.unit.http.test_headers import missing
from uploads.http.logs import logging_config
from uploads.outages import is_outage, log_outage
from uploads.s3.bucket import Bucket
from uploads.views import health

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


@contextmanager
def failing_database(
    error: Exception | None = None, *, only: str = ""
) -> Iterator[None]:
    """Raise ``error`` for each SQL statement, or for those that contain ``only``."""
    error = error or OperationalError("connection refused")

    def refuse(execute: Callable[..., Any], sql: str, *more: Any) -> Any:
        if only in sql:
            raise error
        return execute(sql, *more)

    with connection.execute_wrapper(refuse):
        yield
    # Django has marked the test's transaction for a rollback. The site has no
    # transaction around a request, so remove the mark.
    transaction.set_rollback(False)


@pytest.fixture(autouse=True)
def _clear_health_cache() -> Iterator[None]:
    """Clear the cached answers of /readyz before and after each test."""
    for probe in (health.database, health.bucket):
        probe.forget()
    yield
    for probe in (health.database, health.bucket):
        probe.forget()


@pytest.fixture
def alice(django_user_model: Any) -> Any:
    return django_user_model.objects.create_superuser("alice", password=PASSWORD)


@pytest.fixture
def browser(alice: Any) -> Client:
    browser = Client(raise_request_exception=False)
    browser.force_login(alice)
    return browser


@pytest.mark.slow
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_path_answers_500_during_an_outage(
    browser: Client, bucket: Bucket, method: str
) -> None:
    paths = all_paths()
    assert len(paths) > 60, "The test has found too few paths to prove anything."

    with failing_database():
        answers = {path: browser.generic(method, f"/{path}") for path in paths}

    later = [answer for answer in answers.values() if answer.status_code == 503]
    wrong = {p: a.status_code for p, a in answers.items() if a.status_code == 500}
    assert wrong == {}
    assert len(later) > 40
    del answers["readyz"]  # this answer has no code
    later = [answer for answer in answers.values() if answer.status_code == 503]
    codes = {a.json()["code"] for a in later if "json" in a["Content-Type"]}
    assert codes == {"database_unavailable"}
    assert {a.headers.get("Retry-After") for a in later} - {None} == {"5"}


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("path", ["/", "/uploads/form/", "/admin/uploads/upload/"])
def test_page_shows_an_outage_with_retry_after(
    browser: Client, kind: type[Exception], method: str, path: str
) -> None:
    with failing_database(kind("server closed the connection")):
        answer = browser.generic(method, path)

    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert answer["Content-Type"].startswith("text/html")
    assert missing(answer, trusted_types=not path.startswith("/admin/")) == {}
    page = answer.content.decode()
    if method != "HEAD":
        assert "cannot reach its database" in page
        assert "Files already sent are safe" in page
        assert "<script" not in page
        assert "closed the connection" not in page
    # The session still exists when the database is available again.
    assert "sessionid" not in answer.cookies
    assert browser.get("/").status_code == 200


def test_outage_page_links_to_the_requested_page_but_not_to_a_form(
    browser: Client,
) -> None:
    with failing_database():
        page = browser.get("/admin/uploads/upload/?q=x").content.decode()
        sent = browser.post("/uploads/form/", {"size": "1"}).content.decode()

    assert '<a class="button button--primary button--wide" href="">' in page
    assert 'href=""' not in sent
    assert "may not have been carried out" in sent


def test_login_during_an_outage_gets_503_and_succeeds_later(alice: Any) -> None:
    stranger = Client(raise_request_exception=False)
    fields = {"username": "alice", "password": PASSWORD}

    with failing_database():
        assert stranger.get("/accounts/login/").status_code == 200
        assert stranger.post("/accounts/login/", fields).status_code == 503

    assert stranger.post("/accounts/login/", fields).status_code == 302


@pytest.mark.parametrize(
    ("error", "status"), [(OperationalError("cut"), 503), (ValueError("ours"), 500)]
)
def test_database_error_in_a_middleware_gets_503(
    client: Client, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    monkeypatch.setattr(
        "django.contrib.messages.middleware.MessageMiddleware.process_response",
        Mock(side_effect=error),
    )
    client.raise_request_exception = False

    assert client.get("/accounts/login/").status_code == status


def test_health_checks_answer_during_an_outage(browser: Client, bucket: Bucket) -> None:
    with failing_database():
        assert browser.get("/healthz").json() == {"status": "ok"}
        assert browser.get("/readyz").json()["database"] == "failed"


@pytest.mark.parametrize("path", ["/", "/api/v1/uploads", "/admin/"])
@pytest.mark.parametrize(
    "error", [IntegrityError("x"), DataError("x"), DatabaseError("x"), ValueError("x")]
)
def test_other_database_errors_and_bugs_get_500(
    browser: Client, path: str, error: Exception
) -> None:
    with failing_database(error):
        answer = browser.get(path)

    assert answer.status_code == 500
    assert "Retry-After" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/api/v1/uploads"])
def test_read_only_database_is_an_outage(browser: Client, path: str) -> None:
    error = InternalError("cannot execute UPDATE in a read-only transaction")
    error.__cause__ = errors.ReadOnlySqlTransaction()

    with failing_database(error):
        assert browser.get(path).status_code == 503


@pytest.mark.parametrize("path", ["/", "/api/v1/uploads"])
def test_missing_table_is_no_outage(browser: Client, path: str) -> None:
    answers = {}
    for code in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_BUSY):
        error = OperationalError("no such table: uploads_upload")
        error.__cause__ = sqlite3.OperationalError()
        error.__cause__.sqlite_errorcode = code
        with failing_database(error, only="uploads_upload"):
            answers[code] = browser.get(path).status_code

    assert answers == {sqlite3.SQLITE_ERROR: 500, sqlite3.SQLITE_BUSY: 503}


@pytest.mark.parametrize(
    ("cause", "is_one"),
    [
        (errors.ConnectionFailure(), True),
        (errors.InvalidPassword(), True),
        (errors.DeadlockDetected(), True),
        (errors.DiskFull(), True),
        (errors.TooManyConnections(), True),
        (errors.LockNotAvailable(), True),
        (errors.AdminShutdown(), True),
        (psycopg.OperationalError("connection refused"), True),
        # A server can report this error before a failover.
        (errors.ReadOnlySqlTransaction(), True),
        (errors.InFailedSqlTransaction(), False),
        # An example is a text that is too long for its index.
        (errors.ProgramLimitExceeded(), False),
        (errors.StatementTooComplex(), False),
        (errors.TooManyArguments(), False),
    ],
)
def test_errors_of_postgresql_are_classified_by_their_code(
    cause: Exception, is_one: bool
) -> None:
    is_internal = isinstance(cause, psycopg.InternalError)
    error = InternalError("x") if is_internal else OperationalError("x")
    error.__cause__ = cause

    assert is_outage(error) is is_one


def test_errors_of_sqlite_are_classified_by_their_code() -> None:
    if connection.vendor == "sqlite":
        with pytest.raises(OperationalError) as caught, connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM nothing_of_this_name")
        assert not is_outage(caught.value)
    assert is_outage(OperationalError("x"))
    assert is_outage(InterfaceError("x"))
    assert not is_outage(None)


# The log


@pytest.fixture
def log_output() -> Iterator[io.StringIO]:
    """Return the JSON log lines that production would write."""
    logging.config.dictConfig(logging_config(level="INFO", log_format="json"))
    log_output = io.StringIO()
    handler = logging.getLogger().handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(log_output)
    yield log_output
    logging.config.dictConfig(site.LOGGING)


@pytest.mark.parametrize("path", ["/", "/api/v1/uploads", "/admin/"])
def test_outage_adds_one_line_to_the_log_line_of_the_request(
    browser: Client, log_output: io.StringIO, path: str
) -> None:
    with failing_database(
        OperationalError("connection refused\n\tIs the server running?\n")
    ):
        browser.get(path)

    lines = [json.loads(line) for line in log_output.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["database.unavailable", "request"]
    assert lines[0]["kind"] == "OperationalError"
    assert lines[0]["error"] == "connection refused Is the server running?"
    assert lines[0]["request_id"] == lines[1]["request_id"]
    assert lines[1]["status"] == 503


def test_database_error_without_an_outage_is_logged_with_its_traceback(
    browser: Client, log_output: io.StringIO
) -> None:
    with failing_database(IntegrityError("a constraint")):
        browser.get("/")

    assert "IntegrityError" in log_output.getvalue()
    assert "Internal Server Error" in log_output.getvalue()


def test_deadlock_is_logged_with_the_class_of_the_original_error(
    log_output: io.StringIO,
) -> None:
    error = OperationalError("two waited for each other")
    error.__cause__ = errors.DeadlockDetected()

    log_outage(error)

    assert json.loads(log_output.getvalue())["kind"] == "DeadlockDetected"


def test_log_contains_no_url_or_password_of_the_database(
    log_output: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(site.DATABASES["default"], "PASSWORD", "s3s")

    log_outage(OperationalError('invalid: "postgresql://slipway:pw@db/x" s3s, host db'))

    [line] = log_output.getvalue().splitlines()
    assert json.loads(line)["error"] == 'invalid: "... ..., host db'
