"""The sweeper compares quotas with the uploads, and repairs wrong quotas."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.support.builders import begin, make_ready, quota_counts
from uploads.models import StorageQuota
from uploads.s3.bucket import Bucket
from uploads.upkeep.quota_drift import find_drift, mend

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(django_user_model: Any) -> list[Any]:
    return [django_user_model.objects.create_user(f"person {n}") for n in range(5)]


def test_correct_quotas_are_not_changed(people: list[Any], bucket: Bucket) -> None:
    make_ready(bucket, people[0])
    begin(people[1])

    assert mend() == 0
    assert list(find_drift()) == []


@pytest.mark.parametrize(
    "counters",
    [
        {"used_bytes": 0},
        {"used_bytes": 2**53},
        {"reserved_bytes": 0},
        {"file_count": 7},
        {"reserved_files": 0},
    ],
)
def test_wrong_counter_is_repaired(
    people: list[Any], bucket: Bucket, counters: dict[str, int]
) -> None:
    make_ready(bucket, people[0])
    begin(people[0])
    StorageQuota.objects.update(**counters)

    assert mend(dry_run=True) == 1
    assert [drift.owner_id for drift in find_drift()] == [people[0].pk]
    assert mend() == 1

    assert quota_counts(people[0]) == (5, 5, 1, 1)
    assert list(find_drift()) == []


def test_missing_quota_is_created(people: list[Any], bucket: Bucket) -> None:
    make_ready(bucket, people[0])
    StorageQuota.objects.all().delete()

    assert mend(dry_run=True) == 1
    assert not StorageQuota.objects.exists()
    assert mend() == 1

    assert quota_counts(people[0]) == (5, 0, 1, 0)


def test_quota_of_a_person_without_uploads_is_reset(people: list[Any]) -> None:
    StorageQuota.objects.create(user=people[3], used_bytes=9, limit_bytes=100)

    assert mend() == 1

    quota = StorageQuota.objects.get()
    assert (quota.used_bytes, quota.limit_bytes) == (0, 100)


def test_each_call_checks_one_page_of_people(
    people: list[Any],
) -> None:
    for person in people:
        StorageQuota.objects.create(user=person, used_bytes=9)

    assert [mend(limit=2) for _ in range(4)] == [2, 2, 1, 0]


def test_number_of_queries_does_not_grow_with_people_or_uploads(
    people: list[Any], bucket: Bucket, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for person in people:
        make_ready(bucket, person)
        begin(person)

    with django_assert_num_queries(4):
        assert list(find_drift()) == []
