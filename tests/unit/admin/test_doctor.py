"""Superusers can run the doctor on a page of the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from uploads.admin import doctor as page
from uploads.doctor.results import fail, group
from uploads.s3.bucket import Bucket

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client: Client, django_user_model: Any) -> Client:
    client.force_login(django_user_model.objects.create_superuser("root"))
    return client


@pytest.mark.parametrize("name", ["doctor", "doctor-begin", "doctor-end"])
def test_only_superusers_may_open_the_doctor(
    client: Client, django_user_model: Any, name: str
) -> None:
    staff = django_user_model.objects.create_user("staff", is_staff=True)

    stranger = client.post(reverse(name))
    client.force_login(staff)
    answer = client.post(reverse(name))

    assert stranger.status_code == 302
    assert answer.status_code == 403


@pytest.mark.parametrize("name", ["doctor-begin", "doctor-end"])
def test_self_test_refuses_get(operator: Client, name: str) -> None:
    assert operator.get(reverse(name)).status_code == 405


def test_findings_are_shown_with_their_fix(
    operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = fail("cors.x", "Pages may send", "<b>403</b>", "Blocked.", "Apply the rule.")
    tested_families: list[Any] = []

    def examine(_: object, *, only: list[str]) -> Any:
        tested_families.append(only)
        yield group("cors", "CORS", [bad])

    monkeypatch.setattr(page, "examine", examine)

    text = operator.post(reverse("doctor"), {"family": ["cors", "no-such"]}).content

    assert tested_families == [["cors"]]
    assert b"Problems were found." in text
    assert b"Apply the rule." in text
    assert b"&lt;b&gt;403" in text


def test_only_one_run_of_the_doctor_at_a_time(operator: Client) -> None:
    cache.add(page.LOCK, True, 60)

    answer = operator.post(reverse("doctor"))

    assert b"Another examination is in progress" in answer.content
    cache.delete(page.LOCK)


def test_self_test_first_returns_requests_for_the_browser_and_then_findings(
    operator: Client, bucket: Bucket
) -> None:
    plan = operator.post(reverse("doctor-begin")).json()
    found = operator.post(reverse("doctor-end"), {"ticket": plan["ticket"]}).json()

    assert set(plan["requests"]) == {"put", "part", "form", "download"}
    assert all(
        "/doctor/" in r["url"] for n, r in plan["requests"].items() if n != "form"
    )
    statuses = [each["status"] for each in found["findings"]]
    # The findings fail, because the test has sent no object.
    assert statuses == ["FAIL"] * 3
    assert list(bucket.list_multipart_uploads("uploads/")) == []


def test_self_test_refuses_an_invalid_ticket(operator: Client, bucket: Bucket) -> None:
    assert operator.post(reverse("doctor-end"), {"ticket": "x"}).status_code == 400


def test_admin_index_links_to_the_doctor(operator: Client, settings: Settings) -> None:
    assert reverse("doctor").encode() in operator.get(reverse("admin:index")).content
