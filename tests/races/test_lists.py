"""Lists and search on PostgreSQL need only the index."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from uploads.models import Upload

NAMES = 300
PAGE = 100


@pytest.fixture
def many(alice: Any) -> list[str]:
    """Create many uploads, and delete every tenth.

    Return the remaining names, newest first.
    """
    now = timezone.now()
    Upload.objects.bulk_create(
        Upload(
            owner=alice,
            transport="put",
            state="deleted" if number % 10 == 0 else "ready",
            key=f"uploads/00/{number:040}",
            filename=f"Übersicht {number}.pdf",
            byte_size=1,
            part_size=1,
            created_at=now - timedelta(seconds=number // 2),
            expires_at=now,
            completed_at=now,
        )
        for number in range(NAMES)
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE uploads_upload")
    rows = Upload.objects.filter(state="ready").order_by("-created_at", "-pk")
    return list(rows.values_list("filename", flat=True))


def pages(user: Any, **query: Any) -> list[str]:
    """Return the names on all pages of the list."""
    browser = Client()
    browser.force_login(user)
    found: list[str] = []
    while True:
        page = browser.get("/api/v1/uploads", {"limit": PAGE, **query}).json()
        found += [upload["filename"] for upload in page["results"]]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


def test_pages_have_every_upload_once_in_order(alice: Any, many: list[str]) -> None:
    assert pages(alice) == many


def test_search_finds_every_name_once_in_order(alice: Any, many: list[str]) -> None:
    assert pages(alice, q="ÜBERSICHT 1") == [
        name for name in many if name.startswith("Übersicht 1")
    ]
    assert pages(alice, q="nothing like it") == []
    assert pages(alice, q="übersicht 10", state="deleted") == [
        f"Übersicht {number}.pdf" for number in (10, 100)
    ]


def test_search_finds_rows_of_an_older_version(alice: Any, many: list[str]) -> None:
    Upload.objects.filter(filename="Übersicht 7.pdf").update(search_name="")

    assert pages(alice, q="übersicht 7.") == ["Übersicht 7.pdf"]
    assert pages(alice, q="übersicht 8.") == ["Übersicht 8.pdf"]


@pytest.mark.parametrize("text", ["", "nothing like it"])
def test_list_and_search_read_only_the_index(
    alice: Any, many: list[str], text: str
) -> None:
    rows = Upload.objects.filter(owner=alice).visible()
    rows = rows.named(text) if text else rows
    with connection.cursor() as cursor:
        # In such a small table, PostgreSQL would otherwise prefer a sequential scan.
        cursor.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        try:
            ids = rows.order_by("-created_at", "-pk").values("pk")[:50]
            plan = ids.explain()
        finally:
            cursor.execute("RESET enable_seqscan; RESET enable_bitmapscan")

    assert "Index Only Scan using upload_list_of_owner" in plan
    assert "Sort" not in plan
