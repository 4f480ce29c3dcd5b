"""The doctor on an emulator of AWS, with and without working notifications."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command

from tests.aws.conftest import Aws
from uploads.doctor import notifications
from uploads.doctor.examination import Examination
from uploads.doctor.families import examine
from uploads.doctor.results import Finding, Status

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)

FAMILIES = (
    "connection",
    "credentials",
    "contract",
    "cors",
    "settings",
    "notifications",
)


def problems(*only: str) -> dict[str, Finding]:
    return {
        finding.name: finding
        for top in examine(Examination(), only=only or FAMILIES)
        for finding in top.walk()
        if finding.own_status in {Status.WARN, Status.FAIL}
    }


@pytest.fixture(autouse=True)
def policy_of_pages(aws: Aws, settings: Settings) -> None:
    # The emulator has only one pair of keys. With DEBUG on, the doctor accepts this.
    settings.DEBUG = True
    sources: Any = ["'self'", settings.S3_ENDPOINT_URL]
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": {"connect-src": sources}}
    settings.CSRF_TRUSTED_ORIGINS = ["http://files.localhost:8000"]


def test_bucket_after_setup_has_no_problem(aws: Aws) -> None:
    before = problems()
    call_command("setup_bucket", "--apply", stdout=StringIO())

    after = problems()

    assert {"cors.preflight.no_rule", "settings.cors"} <= set(before)
    assert after == {}


def test_missing_notifications_are_reported(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "SECONDS", 2)

    found = problems("connection", "notifications")

    assert found["notifications.flow"].heals == ("queue_policy", "notifications")
