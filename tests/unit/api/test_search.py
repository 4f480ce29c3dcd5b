"""The search by name ignores case and Unicode composition, on every database."""

from __future__ import annotations

import importlib
import itertools
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from uploads import lifecycle
from uploads.models import Upload
from uploads.states import State
from uploads.upkeep import search_names
from uploads.upkeep.sweeper import sweep

CASES = json.loads((Path(__file__).parents[2] / "cases" / "filenames.json").read_text())

pytestmark = pytest.mark.django_db


_numbers = itertools.count()


def make_upload(owner: Any, **facts: Any) -> Upload:
    now = timezone.now()
    return Upload.objects.create(
        owner=owner,
        key=f"uploads/00/{next(_numbers):040}",
        byte_size=1,
        part_size=1,
        transport="put",
        expires_at=now,
        completed_at=now,
        **facts,
    )


def found(user: Any, text: str) -> list[str]:
    browser = Client()
    browser.force_login(user)
    answer = browser.get("/api/v1/uploads", {"q": text})
    return [upload["filename"] for upload in answer.json()["results"]]


@pytest.mark.parametrize(
    "case", CASES["searches"], ids=lambda case: ascii(case["name"])
)
def test_api_search_finds_names_as_in_the_shared_cases(
    alice: Any, case: dict[str, Any]
) -> None:
    make_upload(alice, filename=case["name"], state=State.READY)
    make_upload(alice, filename="zzz", state=State.READY)

    assert found(alice, case["search"]) == ([case["name"]] if case["found"] else [])


@pytest.mark.parametrize("term", ["\u00fcBER", "u\u0308ber", "\u00dcBER"])
def test_search_in_the_admin_ignores_case(alice: Any, term: str) -> None:
    make_upload(alice, filename="\u00dcbersicht.pdf")
    make_upload(alice, filename="other.pdf")
    operator = Client()
    operator.force_login(User.objects.create_superuser("operator"))

    page = operator.get("/admin/uploads/upload/", {"q": term})

    assert [row.filename for row in page.context["cl"].result_list] == [
        "\u00dcbersicht.pdf"
    ]


def test_all_code_that_writes_names_updates_the_search_name(alice: Any) -> None:
    saved, updated, bulk = (make_upload(alice, filename="x") for _ in range(3))
    lifecycle.rename(updated, "\u00c4PFEL", actor=alice)
    saved.filename = "\u00c4pfel"
    saved.save(update_fields=["filename"])
    bulk.filename = "\u00c4pFEL"
    Upload.objects.bulk_update([bulk], ["filename"])
    key = "uploads/00/" + "9" * 40
    made = make_upload(alice, filename="y")
    Upload.objects.filter(pk=made.pk).update(key="moved")
    Upload.objects.bulk_create(
        [
            Upload(
                owner=alice,
                filename="\u00e4PFEL",
                key=key,
                byte_size=1,
                part_size=1,
                transport="put",
                expires_at=made.expires_at,
            )
        ]
    )

    assert Upload.objects.named("\u00e4pfel").count() == 4


def _as_old_code_writes_it(upload: Upload) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE uploads_upload SET search_name = ''")


def test_row_written_by_older_code_is_found_and_gets_a_search_name(alice: Any) -> None:
    upload = make_upload(alice, filename="\u00dcber Notes.txt", state=State.READY)
    _as_old_code_writes_it(upload)
    assert found(alice, "notes") == ["\u00dcber Notes.txt"]

    assert search_names.fill(limit=10) == 1

    assert search_names.fill(limit=10) == 0
    assert found(alice, "\u00fcber") == ["\u00dcber Notes.txt"]


def test_sweeper_adds_missing_search_names(alice: Any, bucket: Any) -> None:
    _as_old_code_writes_it(make_upload(alice, filename="\u00dc.txt"))

    sweep(dry_run=True)
    assert Upload.objects.get().search_name == ""
    sweep()

    assert Upload.objects.get().search_name == "\u00fc.txt"


def test_migration_adds_search_names_in_batches(
    alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    migration = importlib.import_module("uploads.migrations.0008_fill_search_names")
    monkeypatch.setattr(migration, "BATCH", 2)
    for number in range(5):
        _as_old_code_writes_it(make_upload(alice, filename=f"\u00dc{number}"))

    migration.fill(apps, SimpleNamespace(connection=connection))

    names = sorted(Upload.objects.values_list("search_name", flat=True))
    assert names == [f"\u00fc{number}" for number in range(5)]


def test_search_for_invisible_characters_finds_nothing(alice: Any) -> None:
    make_upload(alice, filename="a.txt", state=State.READY)

    assert found(alice, "\u200b") == []


@pytest.mark.slow
def test_search_without_a_match_in_25_000_names_is_quick(alice: Any) -> None:
    first = make_upload(alice, filename="0", state=State.READY)
    Upload.objects.bulk_create(
        [
            Upload(
                owner=alice,
                filename=f"IMG {number} \u00dcbersicht of our holiday.jpg",
                key=f"k{number}",
                state=State.READY,
                completed_at=first.created_at,
                byte_size=1,
                part_size=1,
                transport="put",
                expires_at=first.expires_at,
            )
            for number in range(25_000)
        ]
    )
    browser = Client()
    browser.force_login(alice)
    times = []

    for _ in range(5):
        began = time.perf_counter()
        answer = browser.get("/api/v1/uploads", {"q": "\u00fcbel"})
        times.append(time.perf_counter() - began)
        assert answer.json()["results"] == []

    assert min(times) < 0.1
