"""The admin shows quotas, and people can type their limits with units."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from tests.support.admin_pages import GB, QUOTAS
from uploads.admin.byte_sizes import parse
from uploads.admin.presenting import bar
from uploads.lifecycle import quota
from uploads.models import (
    StorageQuota,
)

pytestmark = pytest.mark.django_db


def test_quota_is_shown_as_a_bar_with_text(operator: Client, alice: Any) -> None:
    StorageQuota.objects.create(
        user=alice, limit_bytes=4 * GB, used_bytes=2 * GB, reserved_bytes=GB
    )

    page = operator.get(QUOTAS).content.decode()

    assert 'aria-label="3 GB of 4 GB"' in page
    assert "3 GB of 4 GB (75%)" in page
    assert "style=" not in re.sub(r"(?s)<head>.*</head>", "", page)


def test_quota_bar_with_limit_zero_is_full() -> None:
    assert "0 bytes of 0 bytes (100%)" in bar(0, 0, 0)
    assert "quota-bar-full" in bar(5, 0, 3)


def test_saving_limits_with_units_does_not_change_the_counters(
    operator: Client, alice: Any
) -> None:
    row = StorageQuota.objects.create(user=alice, used_bytes=7, file_count=1)

    operator.post(
        f"{QUOTAS}{row.pk}/change/",
        {"limit_bytes": "1.5 GB", "max_files": "9", "max_open": "3", "used_bytes": "0"},
    )

    row.refresh_from_db()
    assert (row.limit_bytes, row.max_files, row.max_open) == (GB * 3 // 2, 9, 3)
    assert (row.used_bytes, row.file_count) == (7, 1)


def test_saving_a_limit_keeps_a_concurrent_reservation(
    operator: Client, alice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from uploads.admin.quotas import QuotaForm

    row = StorageQuota.objects.create(user=alice)
    clean = QuotaForm.full_clean

    def clean_while_another_reserves(form: Any) -> None:
        clean(form)
        quota.reserve(alice, 100)

    monkeypatch.setattr(QuotaForm, "full_clean", clean_while_another_reserves)
    operator.post(f"{QUOTAS}{row.pk}/change/", {"limit_bytes": "5 GB"})

    now = quota.usage(alice)
    assert (now.limit_bytes, now.reserved_bytes, now.reserved_files) == (
        5 * GB,
        100,
        1,
    )


def test_quota_can_be_added_for_a_user(operator: Client, alice: Any) -> None:
    answer = operator.post(
        f"{QUOTAS}add/", {"user": alice.pk, "limit_bytes": "20 GB", "max_files": ""}
    )

    assert answer.status_code == 302
    assert quota.usage(alice).limit_bytes == 20 * GB


def test_quota_cannot_be_deleted(operator: Client, alice: Any) -> None:
    row = StorageQuota.objects.create(user=alice, used_bytes=7)

    answer = operator.post(f"{QUOTAS}{row.pk}/delete/", {"post": "yes"})

    assert answer.status_code == 403
    assert StorageQuota.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize(
    ("text", "byte_size"),
    [
        ("0", 0),
        ("1048576", 1048576),
        ("20 GB", 20 * GB),
        ("20gib", 20 * 1024**3),
        ("1.5 TB", 1_500_000_000_000),
        ("5 bytes", 5),
        ("2G", 2 * GB),
    ],
)
def test_typed_sizes_are_parsed(text: str, byte_size: int) -> None:
    assert parse(text) == byte_size


@pytest.mark.parametrize("text", ["", "-1", "20 gallons", "1,5 GB", "GB", "1e9", "٣"])
def test_invalid_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse(text)


@pytest.mark.parametrize("text", ["9300 PB", "many", "1" * 30])
def test_invalid_limit_is_explained(operator: Client, alice: Any, text: str) -> None:
    page = operator.post(f"{QUOTAS}add/", {"user": alice.pk, "limit_bytes": text})

    assert page.status_code == 200
    assert len(page.context["adminform"].form.errors["limit_bytes"]) == 1
    assert not StorageQuota.objects.exists()
