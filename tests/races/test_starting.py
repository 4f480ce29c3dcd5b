"""Many threads start uploads at the same time."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
import structlog
from django.db import connection, transaction
from django.test import Client

from tests.races.consistency import assert_quotas_add_up
from tests.races.files import declare
from tests.races.threads import at_once, race
from uploads import lifecycle
from uploads.conf import options
from uploads.errors import QuotaExceeded
from uploads.lifecycle import quota
from uploads.lifecycle.policy import policy_for
from uploads.models import AuditEvent, StorageQuota, Upload
from uploads.s3.bucket import Bucket
from uploads.states import State, Transport

SIZE = 700
NOON = datetime(2031, 5, 5, 12, tzinfo=UTC)


def kinds_of(results: list[Any]) -> Counter[type]:
    return Counter(type(result) for result in results)


def test_64_starts_against_a_quota_for_10_admit_exactly_10(alice: Any) -> None:
    StorageQuota.objects.create(user=alice, limit_bytes=11 * SIZE - 1)
    declaration = declare(b"x" * SIZE)

    results = at_once(
        lambda: lifecycle.start(owner=alice, declaration=declaration), threads=64
    )

    assert kinds_of(results) == {Upload: 10, QuotaExceeded: 54}
    now = quota.usage(alice)
    assert (now.reserved_bytes, now.reserved_files) == (10 * SIZE, 10)
    assert alice.uploads.count() == 10
    assert_quotas_add_up()


def test_file_is_refused_if_its_size_and_the_used_bytes_exceed_64_bits(
    alice: Any,
) -> None:
    largest = 2**63 - 1
    StorageQuota.objects.create(user=alice, limit_bytes=largest, used_bytes=largest - 9)

    with (
        pytest.raises(QuotaExceeded, match="only 9 of your"),
        transaction.atomic(),
    ):
        quota.reserve(alice, 10)


def test_64_starts_of_a_new_account_respect_the_default_quota(
    alice: Any, settings: Any
) -> None:
    settings.UPLOADS = {**settings.UPLOADS, "DEFAULT_QUOTA_BYTES": 10 * SIZE}
    declaration = declare(b"x" * SIZE)

    results = at_once(
        lambda: lifecycle.start(owner=alice, declaration=declaration), threads=64
    )

    assert kinds_of(results) == {Upload: 10, QuotaExceeded: 54}
    assert_quotas_add_up()


def test_64_starts_against_a_limit_of_10_files_admit_exactly_10(alice: Any) -> None:
    StorageQuota.objects.create(user=alice, max_files=10)
    declaration = declare(b"")  # also for empty files

    results = at_once(
        lambda: lifecycle.start(owner=alice, declaration=declaration), threads=64
    )

    assert kinds_of(results) == {Upload: 10, QuotaExceeded: 54}
    assert quota.usage(alice).reserved_files == 10
    assert_quotas_add_up()


def test_files_of_many_sizes_never_exceed_the_quota(alice: Any) -> None:
    StorageQuota.objects.create(user=alice, limit_bytes=5_000)
    sizes = [100 * (number % 16 + 1) for number in range(64)]

    results = race(
        [
            partial(lifecycle.start, owner=alice, declaration=declare(b"x" * size))
            for size in sizes
        ]
    )

    admitted = [result for result in results if isinstance(result, Upload)]
    refused = [
        size
        for size, result in zip(sizes, results, strict=True)
        if isinstance(result, QuotaExceeded)
    ]
    assert len(admitted) + len(refused) == 64
    reserved = quota.usage(alice).reserved_bytes
    assert reserved == sum(upload.byte_size for upload in admitted) <= 5_000
    assert 5_000 - reserved < min(refused)
    assert_quotas_add_up()


def test_16_threads_with_one_idempotency_key_start_one_upload(alice: Any) -> None:
    # The quota has space for one upload. The second thread must get this upload, and no
    # QuotaExceeded.
    StorageQuota.objects.create(user=alice, limit_bytes=SIZE)
    declaration = declare(b"x" * SIZE)

    results = at_once(
        lambda: lifecycle.start(
            owner=alice, declaration=declaration, idempotency_key="k"
        ),
        threads=16,
    )

    assert kinds_of(results) == {Upload: 16}
    assert {upload.pk for upload in results} == {alice.uploads.get().pk}
    assert quota.usage(alice).reserved_bytes == SIZE
    assert_quotas_add_up()


@pytest.mark.usefixtures("check_consistency")
def test_16_threads_with_one_idempotency_key_open_one_multipart_upload(
    alice: Any, bucket: Bucket
) -> None:
    declaration = declare(b"x" * SIZE, transport=Transport.MULTIPART)

    results = at_once(
        lambda: lifecycle.start(
            owner=alice, declaration=declaration, idempotency_key="k"
        ),
        threads=16,
    )

    assert kinds_of(results) == {Upload: 16}
    row = alice.uploads.get()
    assert {(upload.pk, upload.multipart_id) for upload in results} == {
        (row.pk, row.multipart_id)
    }
    opened = list(bucket.list_multipart_uploads(options().key_prefix))
    assert [entry.multipart_id for entry in opened] == [row.multipart_id]
    assert quota.usage(alice).reserved_bytes == SIZE


def test_quota_lowered_during_starts_is_respected(
    alice: Any, django_user_model: Any
) -> None:
    django_user_model.objects.create_superuser("admin", password="x")
    StorageQuota.objects.create(user=alice, limit_bytes=60 * SIZE)
    declaration = declare(b"x" * SIZE)

    def start() -> Any:
        return lifecycle.start(owner=alice, declaration=declaration)

    def lower() -> int:
        operator = Client()
        operator.force_login(django_user_model.objects.get(username="admin"))
        answer = operator.post(
            f"/admin/uploads/storagequota/{alice.pk}/change/",
            {"limit_bytes": str(10 * SIZE), "max_files": ""},
        )
        return answer.status_code

    results = race([*[start] * 40, lower])

    assert results.pop() == 302
    assert kinds_of(results).keys() <= {Upload, QuotaExceeded}
    assert StorageQuota.objects.get(user=alice).limit_bytes == 10 * SIZE
    assert 10 <= alice.uploads.filter(state=State.PENDING).count() <= 40
    assert_quotas_add_up()
    if alice.uploads.count() >= 10:
        with pytest.raises(QuotaExceeded):
            start()


@pytest.mark.parametrize("count", [1, 30])
def test_batch_writes_all_columns_and_events_in_order(alice: Any, count: int) -> None:
    wanted = [
        lifecycle.Wanted(
            replace(
                declare(b"x" * (number + 1), filename=f"{number}.txt"),
                transport=(Transport.PUT, Transport.POST)[number % 2],
                last_modified=NOON if number % 3 else None,
            ),
            idempotency_key=f"key-{number}" if number % 2 else None,
        )
        for number in range(count)
    ]

    with structlog.contextvars.bound_contextvars(address="192.0.2.7", request_id="r"):
        results = lifecycle.start_many(
            owner=alice, wanted=wanted, policy=policy_for(alice)
        )

    for one, result in zip(wanted, results, strict=True):
        assert result.upload is not None
        row = Upload.objects.get(pk=result.upload.pk)
        declared = one.declaration
        assert row.filename == row.search_name == declared.filename
        assert row.byte_size == row.part_size == declared.byte_size
        assert (row.transport, row.state) == (declared.transport, State.PENDING)
        assert row.checksum_sha256 == declared.checksum_sha256
        assert row.last_modified == declared.last_modified
        assert row.idempotency_key == one.idempotency_key
        assert row.created_at == result.upload.created_at
        assert row.expires_at == result.upload.expires_at
        assert row.urls_expire_at == result.upload.urls_expire_at
        assert (row.note, row.released_as, row.owner_id) == ("", None, alice.pk)
    events = list(AuditEvent.objects.filter(upload__owner=alice).order_by("pk"))
    ids = [result.upload.pk for result in results if result.upload]
    assert [event.upload_id for event in events] == ids * 2
    assert [event.kind for event in events] == [
        *["upload.started"] * count,
        *["upload.presigned"] * count,
    ]
    assert {(event.address, event.request_id) for event in events} == {
        ("192.0.2.7", "r")
    }
    assert [event.detail["byte_size"] for event in events[:count]] == [
        one.declaration.byte_size for one in wanted
    ]
    assert all("expires_at" in event.detail for event in events[count:])


def test_two_batches_with_the_same_keys_in_another_order_do_not_deadlock(
    alice: Any,
) -> None:
    policy = policy_for(alice)
    declaration = declare(b"x" * SIZE)
    wanted = {key: lifecycle.Wanted(declaration, key) for key in "ab"}

    def start(keys: str) -> list[lifecycle.Started]:
        return lifecycle.start_many(
            owner=alice, wanted=[wanted[key] for key in keys], policy=policy
        )

    def start_in_thread(keys: str) -> list[lifecycle.Started]:
        try:
            return start(keys)
        finally:
            connection.close()

    with ThreadPoolExecutor() as other:
        with transaction.atomic():
            start("a")
            later = other.submit(start_in_thread, "ba")
            wait_for_a_blocked_statement()
            start("b")
        assert all(result.upload for result in later.result())

    assert alice.uploads.count() == 2


def wait_for_a_blocked_statement() -> None:
    sql = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    end = time.monotonic() + 60
    with connection.cursor() as cursor:
        while time.monotonic() < end:
            cursor.execute(sql)
            if cursor.fetchone() != (0,):
                return
            time.sleep(0.01)
    raise AssertionError("No statement waits for a lock.")
