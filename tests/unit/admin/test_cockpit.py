"""The first page of the admin shows correct figures, and needs few queries."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.support.builders import begin, put
from uploads import lifecycle
from uploads.admin.charts import HEIGHT, chart, nice_ceiling
from uploads.models import HourlyFigure, JobReport, StorageQuota, Upload
from uploads.s3.bucket import Bucket
from uploads.upkeep.figures import remember_job
from uploads.upkeep.sweeper import sweep

pytestmark = pytest.mark.django_db

ADMIN = "/admin/"


@pytest.fixture
def superuser(client: Client) -> User:
    superuser = User.objects.create_superuser("boss", password="demo")
    client.force_login(superuser)
    return superuser


def text_of(client: Client) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", client.get(ADMIN).text).split())


def test_page_of_an_empty_site_names_the_next_steps(
    client: Client, superuser: User
) -> None:
    words = text_of(client)

    assert "The sweeper has not run yet. Run manage.py sweep once a minute." in words
    assert "Nobody stores a file yet." in words
    assert "No upload is unfinished." in words
    assert "No upload failed in the last 30 days." in words
    assert "Every quota has at least 10 % left." in words
    assert "All lists" in words


def test_page_shows_recent_events_in_few_queries(
    client: Client, superuser: User, bucket: Bucket
) -> None:
    ready = begin(superuser, b"hello", filename="done.txt")
    put(bucket, ready, b"hello")
    lifecycle.advance(ready, actor=superuser)
    begin(superuser, b"later", filename="<b>later</b>.txt")
    StorageQuota.objects.filter(user=superuser).update(limit_bytes=11)
    HourlyFigure.objects.create(
        hour=timezone.now() - timedelta(days=3),
        state="rejected",
        transport="put",
        cause="malware",
        uploads=7,
        byte_size=70,
    )
    sweep()
    page = client.get(ADMIN)
    with CaptureQueriesContext(connection) as queries:
        page = client.get(ADMIN)

    words = text_of(client)
    assert len(queries) < 10, [query["sql"] for query in queries]
    assert "Malware 7" in words
    assert "10 bytes of 11 bytes (91%)" in words
    assert "1 upload reserves 5 bytes" in words
    assert "Bytes stored a day: 5 bytes in 30 days" in page.text
    assert "Uploads a day: 1 in 30 days" in page.text
    assert "&lt;b&gt;later&lt;/b&gt;.txt" in page.text
    assert "No problems." in words
    # The Content-Security-Policy allows no inline styles and scripts.
    assert not re.search(r"<[^>]+ style=|<style|<script(?![^>]* src=)", page.text)


def test_number_of_queries_does_not_grow_with_the_rows(
    client: Client, superuser: User
) -> None:
    counts = []
    for names in (["a"], [f"user{number}" for number in range(20)]):
        for name in names:
            owner = User.objects.create_user(name, password="demo")
            begin(owner, b"hello")
            StorageQuota.objects.filter(user=owner).update(limit_bytes=5)
        client.get(ADMIN)
        with CaptureQueriesContext(connection) as queries:
            client.get(ADMIN)
        counts.append(len(queries))

    assert counts[0] == counts[1] < 10


def test_quota_near_its_number_of_files_is_shown(
    client: Client, superuser: User
) -> None:
    begin(superuser, b"hello")
    StorageQuota.objects.filter(user=superuser).update(max_files=1)

    assert "1 of 1 files" in text_of(client)


@pytest.mark.parametrize(
    ("figures", "age", "words"),
    [
        ({}, timedelta(), "OK Sweeper"),
        ({}, timedelta(hours=1), "The sweeper last ran more than 10 minutes ago. Run"),
        ({"waiting": 3}, timedelta(), "Uploads that could not be inspected yet: 3."),
        ({"failed": 2, "given_up": 1}, timedelta(), "Checks that failed: 2. Uploads"),
        (
            {"young_orphans": 4},
            timedelta(),
            "4 objects in the bucket have no row in the database.",
        ),
    ],
)
def test_state_and_problems_of_the_sweeper_are_shown(
    client: Client, superuser: User, figures: dict[str, int], age: timedelta, words: str
) -> None:
    remember_job(JobReport.SWEEP, figures, seconds=1.5)
    JobReport.objects.update(finished_at=timezone.now() - age)

    assert words in text_of(client)


def test_problems_found_by_audit_and_doctor_are_shown(
    client: Client, superuser: User
) -> None:
    found = {"objects": 2, "rows": 3, "differences": 1, "kinds": {"size": 1}}
    remember_job(JobReport.AUDIT, found)
    remember_job(JobReport.DOCTOR, {"OK": 5, "WARN": 1, "FAIL": 2, "run_by": "me"})

    words = text_of(client)
    assert "The last audit found differences: 1 size." in words
    assert (
        "The doctor found 2 failures and 1 warnings. Last complete run: by me." in words
    )


def test_first_page_shows_unfinished_uploads_only_with_both_permissions(
    client: Client,
) -> None:
    clerk = User.objects.create_user("clerk", password="demo", is_staff=True)
    client.force_login(clerk)
    begin(clerk, b"hello", filename="secret-name.txt")
    clerk.user_permissions.add(Permission.objects.get(codename="view_upload"))
    without = client.get(ADMIN).text
    clerk.user_permissions.add(Permission.objects.get(codename="view_storagequota"))

    assert "secret-name.txt" not in without
    assert "secret-name.txt" in client.get(ADMIN).text


def test_bars_are_proportional_and_have_a_text() -> None:
    days = [date(2026, 5, day) for day in (1, 2, 3)]
    made = chart("Uploads a day", list(zip(days, (0, 1, 4000), strict=True)), str)

    assert made.top == "4000"
    assert [bar.height for bar in made.bars] == [0, 1, HEIGHT]
    assert all(bar.y + bar.height == HEIGHT for bar in made.bars)
    assert made.bars[-1].text == "4000"
    assert not made.is_empty


@pytest.mark.parametrize(
    ("value", "ceiling"),
    [(0, 2), (1, 2), (2, 2), (3, 4), (9, 10), (11, 20), (2874, 4000), (10**12, 10**12)],
)
def test_scale_of_a_chart_ends_at_a_round_number(value: int, ceiling: int) -> None:
    assert nice_ceiling(value) == ceiling


def test_age_and_size_of_an_unfinished_upload_are_shown(
    client: Client, superuser: User
) -> None:
    upload = begin(superuser, b"hello")
    Upload.objects.filter(pk=upload.pk).update(
        created_at=timezone.now() - timedelta(days=2), byte_size=2_500_000
    )

    assert "2 days 2.5 MB" in text_of(client)
