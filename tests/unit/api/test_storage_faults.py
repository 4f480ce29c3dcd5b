"""Pages report blocked uploads. The site examines the bucket once for all pages."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import structlog
import time_machine
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from uploads.api import storage_faults as endpoint
from uploads.doctor import shared_faults
from uploads.doctor.shared_faults import shared
from uploads.doctor.storage_faults import Fault, proved
from uploads.errors import StorageUnavailable

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

Report = Callable[..., Any]


@pytest.fixture(autouse=True)
def _clear_cache() -> None:
    cache.clear()


@pytest.fixture
def examined_origins(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Simulate a bucket without CORS rules, and collect the examinations."""
    origins: list[str] = []

    def examine(origin: str) -> list[Fault]:
        origins.append(origin)
        return [Fault.CORS_ORIGIN_MISSING]

    monkeypatch.setattr(endpoint, "faults_of_origin", examine)
    return origins


@pytest.fixture
def report(django_user_model: Any) -> Report:
    client = Client()
    client.force_login(django_user_model.objects.create_user("alice"))

    def send(*seen: str, origin: str = "", answered: int = 200, **fields: Any) -> Any:
        answer = client.post(
            "/api/v1/storage-faults",
            json.dumps({"seen": seen, **fields}),
            content_type="application/json",
            headers={"Origin": origin} if origin else {},
        )
        assert answer.status_code == answered, answer.content
        return answer.json()

    return send


def test_report_of_a_blocked_upload_gets_the_proved_cause(
    report: Report, examined_origins: list[str]
) -> None:
    assert report("blocked", origin="https://testserver") == {
        "faults": ["cors_origin_missing"],
        "examining": False,
    }
    assert examined_origins == ["https://testserver"]


def test_one_examination_answers_a_thousand_reports(
    report: Report, examined_origins: list[str]
) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        report("blocked")
        for _ in range(1000):
            found = shared(
                "origin http://testserver", lambda: pytest.fail("second examination")
            )
            assert found == ["cors_origin_missing"]

    assert examined_origins == ["http://testserver"]


def test_report_of_a_second_origin_causes_no_second_examination(
    report: Report, examined_origins: list[str], settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    with time_machine.travel(timezone.now(), tick=False):
        shared("origin http://a.example", list)

        assert (
            shared("origin http://b.example", lambda: pytest.fail("second examination"))
            is None
        )


def test_failed_examination_is_repeated() -> None:
    def breaks() -> list[Fault]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        shared("broken origin", breaks)
    cache.clear()  # ends the pause after a failed examination

    assert shared("broken origin", list) == []


def test_log_has_one_line_for_each_cause(
    report: Report, examined_origins: list[str]
) -> None:
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            report("blocked")

    fault_lines = [line for line in lines if line["event"] == "storage.fault"]
    assert [line["fault"] for line in fault_lines] == ["cors_origin_missing"]


def test_report_does_not_wait_for_an_examination_in_progress(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_faults, "WAIT_SECONDS", 0.01)
    release = threading.Event()

    def examine(origin: str) -> list[Fault]:
        release.wait(30)
        return [Fault.CORS_HEADERS]

    monkeypatch.setattr(endpoint, "faults_of_origin", examine)
    try:
        assert report("blocked") == {"faults": [], "examining": True}
        assert report("blocked") == {"faults": [], "examining": True}
    finally:
        release.set()
    shared_faults._late[next(iter(shared_faults._late))].result(30)

    assert report("blocked") == {"faults": ["cors_headers"], "examining": False}


def test_origin_of_another_site_is_not_examined(
    report: Report, examined_origins: list[str]
) -> None:
    report("blocked", origin="https://evil.example")

    assert examined_origins == ["http://testserver"]


def test_missing_credentials_prove_no_cause(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    def examine(origin: str) -> list[Fault]:
        raise StorageUnavailable

    monkeypatch.setattr(endpoint, "faults_of_origin", examine)

    assert report("blocked") == {"faults": [], "examining": False}


def test_body_limit_is_examined_when_cors_is_correct(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def of_size(size: int) -> list[Fault]:
        sizes.append(size)
        return [Fault.BODY_LIMIT]

    monkeypatch.setattr(endpoint, "faults_of_origin", lambda origin: [])
    monkeypatch.setattr(endpoint, "faults_of_size", of_size)
    mib = 1024 * 1024

    assert report("blocked", byte_size=3 * mib + 5)["faults"] == ["body_limit"]
    assert report("blocked", byte_size=3 * mib + 9)["faults"] == ["body_limit"]
    assert sizes == [3 * mib]


@pytest.mark.parametrize(
    ("status", "code", "fault"),
    [
        (403, "RequestTimeTooSkewed", "clock"),
        (403, "AccessDenied", "denied"),
        (403, "SignatureDoesNotMatch", "signature"),
        (403, "InvalidAccessKeyId", "access_key"),
        (400, "ExpiredToken", "expired_credentials"),
        (400, "AuthorizationHeaderMalformed", "region"),
        (404, "NoSuchBucket", "no_bucket"),
        (413, None, "body_limit"),
        (403, "forged.Words", "refused"),
        (400, None, "refused"),
    ],
)
def test_reported_cause_follows_from_the_status_and_code_of_s3(
    report: Report,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: str | None,
    fault: str,
) -> None:
    monkeypatch.setattr(endpoint, "faults_of_origin", lambda origin: [])

    with structlog.testing.capture_logs() as lines:
        found = report("refused", status=status, storage_code=code)["faults"]

    assert found == [fault]
    assert code is None or code not in str(lines)


@pytest.mark.parametrize(
    "fields",
    [
        {"seen": []},
        {"seen": ["blocked"] * 4},
        {"seen": ["https://evil.example"]},
        {"seen": ["refused"], "storage_code": "a b"},
        {"seen": ["refused"], "storage_code": "line\nbreak"},
        {"seen": ["refused"], "status": 200},
        {"seen": ["blocked"], "url": "https://evil.example"},
        {
            "seen": ["blocked"],
            "byte_size": 1,
            "status": 400,
            "storage_code": "A" * 2000,
        },
    ],
)
def test_report_with_unknown_values_is_refused(
    report: Report, examined_origins: list[str], fields: dict[str, Any]
) -> None:
    report(*fields.pop("seen"), answered=422, **fields)

    assert examined_origins == []


def test_reports_are_rate_limited(
    report: Report, examined_origins: list[str], settings: Settings
) -> None:
    settings.UPLOADS = {**settings.UPLOADS, "RATE_REPORT": "1/hour"}
    report("blocked")

    report("blocked", answered=429)


@pytest.mark.parametrize(
    ("seen", "found", "expected"),
    [
        # If the server cannot resolve a host name, the browser may still resolve the
        # name.
        (["blocked"], [Fault.UNKNOWN_HOST], []),
        (["unreachable"], [Fault.UNKNOWN_HOST], [Fault.UNKNOWN_HOST]),
        (["unreachable"], [], [Fault.UNREACHABLE]),
        (["policy"], [Fault.CORS_HEADERS], [Fault.POLICY, Fault.CORS_HEADERS]),
        (
            ["mixed_content", "policy"],
            [Fault.NO_ANSWER],
            [Fault.MIXED_CONTENT, Fault.POLICY],
        ),
        (["refused"], [Fault.CLOCK, Fault.DENIED], [Fault.CLOCK]),
        (["refused"], [Fault.CORS_HEADERS, Fault.DENIED], [Fault.DENIED]),
        (["blocked"], [], []),
    ],
)
def test_only_proved_causes_are_returned(
    seen: list[str], found: list[Fault], expected: list[Fault]
) -> None:
    assert proved(seen, found) == expected


def test_every_cause_is_documented() -> None:
    text = (Path(__file__).parents[3] / "docs" / "api.md").read_text()

    assert [fault for fault in Fault if f"`{fault.value}`" not in text] == []


def test_page_has_a_text_for_every_cause() -> None:
    words = Path(__file__).parents[3] / "static" / "js" / "engine" / "fault-words.js"
    named = set(re.findall(r"^  ([a-z_]+): \[", words.read_text(), re.MULTILINE))

    assert named == {fault.value for fault in Fault}
