"""The doctor checks the site without its bucket."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.staticfiles import finders
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from tests.support.builders import begin
from uploads.doctor import proxies, site
from uploads.doctor.examination import Examination
from uploads.doctor.results import Finding
from uploads.models import Orphan, StorageQuota, SweepMark, Upload
from uploads.s3.bucket import Bucket
from uploads.s3.wire import Answer, NoAnswer

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _unreachable_site(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> Answer:
        raise NoAnswer("refused", "nothing listens")

    monkeypatch.setattr(site, "send", refuse)
    monkeypatch.setattr(proxies, "send", refuse)


def findings() -> dict[str, Finding]:
    return {finding.name: finding for finding in site.ask_site(Examination())}


def test_new_site_has_findings_only_about_static_files_and_email() -> None:
    bad = {
        name
        for name, finding in findings().items()
        if finding.status in {"WARN", "FAIL"} and name != "site.static"
    }

    assert bad - {"site.email"} == set()


def test_unavailable_database_is_the_only_finding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise DatabaseError("connection refused\nDETAIL: more")

    monkeypatch.setattr(connection, "cursor", fail)

    found = findings()

    assert found["site.database"].status == "FAIL"
    assert found["site.database"].fact == "connection refused"
    assert "site.migrations" not in found


def test_missing_migration_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Step:
        app_label, name = "uploads", "0099_new"

    def plan(*_: object) -> list[tuple[Any, bool]]:
        return [(Step, False)]

    monkeypatch.setattr(MigrationExecutor, "migration_plan", plan)

    assert "uploads.0099_new" in findings()["site.migrations"].fact


def test_cache_that_stores_nothing_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "set", lambda *_: None)

    assert findings()["site.cache"].status == "FAIL"


def test_cache_that_only_one_process_can_read_is_reported(settings: Settings) -> None:
    backend = "django.core.cache.backends.locmem.LocMemCache"
    settings.CACHES = {"default": {"BACKEND": backend}}

    assert findings()["site.cache"].status == "WARN"


@pytest.mark.parametrize(
    ("age", "status"),
    [(None, "WARN"), (timedelta(days=2), "WARN"), (timedelta(), "OK")],
)
def test_sweeper_that_does_not_run_is_reported(
    bucket: Bucket, django_user_model: Any, age: timedelta | None, status: str
) -> None:
    begin(django_user_model.objects.create_user("alice"))
    long_ago = timezone.now() - timedelta(days=3)
    Upload.objects.update(created_at=long_ago)
    if age is not None:
        SweepMark.objects.create(name="objects", finished_at=timezone.now() - age)

    assert findings()["site.sweeper"].status == status


def test_drifted_quota_is_reported(django_user_model: Any) -> None:
    owner = django_user_model.objects.create_user("alice")
    StorageQuota.objects.create(user=owner, used_bytes=5, limit_bytes=10)

    assert findings()["site.quota"].status == "WARN"


def test_orphans_are_reported_as_a_note(django_user_model: Any) -> None:
    now = timezone.now()
    Orphan.objects.create(
        key="a", byte_size=1, modified_at=now, first_seen_at=now, last_seen_at=now
    )

    assert "without a row: 1" in findings()["site.leftovers"].fact


def test_scanner_that_does_not_answer_is_reported(settings: Settings) -> None:
    settings.INSPECTORS = [
        {
            "NAME": "uploads.inspection.antivirus.ClamAVInspector",
            "OPTIONS": {"url": "tcp://127.0.0.1:9"},
        }
    ]

    assert findings()["site.clamd"].status == "FAIL"


def test_mail_server_that_does_not_answer_is_reported(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9

    found = findings()["site.email"]

    assert found.status == "WARN"
    assert "127.0.0.1:9" in found.fact


@pytest.mark.parametrize(
    ("status", "headers", "word"),
    [
        (400, [], "ALLOWED_HOSTS"),
        (301, [("location", "https://files.example.org/x")], "BEHIND_TLS_PROXY"),
        (500, [], "log"),
    ],
)
def test_public_url_that_the_site_refuses_is_reported(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    headers: list[tuple[str, str]],
    word: str,
) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://files.example.org"]
    answer = Answer(status, headers, b"")
    monkeypatch.setattr(site, "send", lambda *_, **__: answer)

    found = findings()["site.public"]

    assert found.status == "FAIL"
    assert word in found.fix


def test_missing_built_files_are_reported(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEBUG = True
    monkeypatch.setattr(finders, "find", lambda _: None)

    assert findings()["site.static"].status == "FAIL"
