"""S3 refuses requests, is overloaded, or stops and restarts."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.utils import timezone

from tests.faults.client import Client
from tests.faults.conftest import Sweep
from tests.faults.faults import (
    FORBIDDEN,
    INTERNAL_ERROR,
    SLOW_DOWN,
    Action,
    Answer,
    CutAnswer,
    CutRequest,
    DropAnswer,
)
from tests.faults.parts import unanswered, wait_until
from tests.faults.proxy import FaultProxy
from tests.faults.site import Site
from tests.faults.state_checks import assert_ended_and_cleaned_up, assert_ready_once
from uploads.dev.s3_server import S3Server
from uploads.models import StorageQuota, Upload
from uploads.states import State

KEY = r"^[^?]*$"
VERBS = {
    "CreateMultipartUpload": ("POST", r"\?uploads"),
    "ListParts": ("GET", "uploadId="),
    "CompleteMultipartUpload": ("POST", r"\?uploadId="),
    "HeadObject": ("HEAD", ""),
    "GetObject": ("GET", KEY),
}


@pytest.mark.long
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "action",
    [SLOW_DOWN, INTERNAL_ERROR, DropAnswer()],
    ids=["SlowDown", "InternalError", "lost"],
)
def test_upload_succeeds_after_a_series_of_failures_of_one_operation(
    client: Client, worker_proxy: FaultProxy, content: bytes, verb: str, action: Action
) -> None:
    method, target = VERBS[verb]
    # boto3 makes four attempts in one request of the client. With six failures, the
    # client must repeat its request.
    fault = worker_proxy.inject(action, method=method, target=target, times=6)

    record = client.upload(content, parts=True)

    assert record["state"] == "ready"
    assert fault.hit_count > 0
    assert Upload.objects.get(pk=record["id"]).state == State.READY
    quota = StorageQuota.objects.get(user__uploads=record["id"])
    assert (quota.used_bytes, quota.reserved_bytes) == (len(content), 0)


@pytest.mark.parametrize(
    "verb",
    ["AbortMultipartUpload", pytest.param("DeleteObject", marks=pytest.mark.long)],
)
def test_sweeper_finishes_a_cancel_after_s3_was_overloaded(
    client: Client,
    worker_proxy: FaultProxy,
    content: bytes,
    sweep_with_site_settings: Sweep,
    verb: str,
) -> None:
    target = "uploadId=" if verb == "AbortMultipartUpload" else KEY
    upload = client.start(content, parts=True)
    client.send_parts(upload, content)
    worker_proxy.inject(SLOW_DOWN, method="DELETE", target=target)

    client.call_with_retries("DELETE", f"/uploads/{upload['id']}")
    worker_proxy.end_faults()

    assert sweep_with_site_settings().failed == 0
    assert_ended_and_cleaned_up(upload["id"], state=State.CANCELLED)


@pytest.mark.long
def test_sweeper_finishes_a_delete_after_s3_was_overloaded(
    client: Client,
    worker_proxy: FaultProxy,
    content: bytes,
    sweep_with_site_settings: Sweep,
) -> None:
    upload = client.upload(content, parts=False)
    worker_proxy.inject(SLOW_DOWN, method="DELETE")

    client.call_with_retries("DELETE", f"/uploads/{upload['id']}")
    busy = sweep_with_site_settings()
    worker_proxy.end_faults()
    swept = sweep_with_site_settings()

    assert busy.failed > 0
    assert swept.failed == 0
    assert_ended_and_cleaned_up(upload["id"], state=State.DELETED)


def test_sweep_reports_failures_and_changes_nothing_while_s3_refuses(
    client: Client,
    site: Site,
    worker_proxy: FaultProxy,
    content: bytes,
    sweep_with_site_settings: Sweep,
) -> None:
    upload = client.start(content, parts=True)
    client.send_parts(upload, content)
    worker_proxy.inject(FORBIDDEN)

    refused = site.manage("sweep")
    assert refused.returncode == 1
    assert Upload.objects.get(pk=upload["id"]).state == State.PENDING

    worker_proxy.end_faults()
    assert sweep_with_site_settings().failed == 0
    assert_ready_once(client, upload["id"], content)


def test_start_that_s3_refuses_reserves_no_quota(
    client: Client, worker_proxy: FaultProxy, content: bytes
) -> None:
    worker_proxy.inject(SLOW_DOWN, method="POST", target=r"\?uploads")
    declaration = {
        "filename": "file.bin",
        "byte_size": len(content),
        "content_type": "application/octet-stream",
        "transport": "multipart",
    }

    reply = client.call("POST", "/uploads", declaration, key="one")

    assert (reply.status, reply.body["code"]) == (503, "storage_unavailable")
    row = Upload.objects.latest("created_at")
    assert_ended_and_cleaned_up(str(row.pk), state=State.CANCELLED)


@pytest.mark.parametrize(
    "parts", [pytest.param(True, marks=pytest.mark.long), False], ids=["parts", "put"]
)
def test_uploads_succeed_when_a_fifth_of_all_requests_fail(
    client: Client,
    site_proxy: FaultProxy,
    storage_proxy: FaultProxy,
    worker_proxy: FaultProxy,
    content: bytes,
    parts: bool,
) -> None:
    for proxy in (site_proxy, storage_proxy, worker_proxy):
        for action in (SLOW_DOWN, DropAnswer(), CutRequest(100), CutAnswer(20)):
            proxy.inject(action, probability=0.05)

    records = [client.upload(content, parts=parts) for _ in range(3)]

    for proxy in (site_proxy, storage_proxy, worker_proxy):
        proxy.end_faults()
    assert [record["state"] for record in records] == ["ready"] * 3
    quota = StorageQuota.objects.get(user__uploads=records[0]["id"])
    used = (quota.used_bytes, quota.file_count, quota.reserved_bytes)
    assert used == (3 * len(content), 3, 0)


def test_inspection_succeeds_when_reads_of_the_object_break_off(
    client: Client, site: Site, worker_proxy: FaultProxy, content: bytes
) -> None:
    upload = client.start(content, parts=True)
    client.send_parts(upload, content)
    broken = worker_proxy.inject(CutAnswer(after_bytes=2), method="GET", target=KEY)

    reply = client.call("POST", f"/uploads/{upload['id']}/complete")
    swept = site.manage("sweep")

    assert (reply.status, reply.body["code"]) == (503, "storage_unavailable")
    assert "Traceback" not in swept.stderr
    assert broken.hit_count >= 1
    worker_proxy.end_faults()
    assert client.complete(upload)["state"] == "ready"
    assert_ready_once(client, upload["id"], content)


def test_reservation_of_parts_that_s3_never_joins_is_released(
    client: Client,
    worker_proxy: FaultProxy,
    content: bytes,
    sweep_with_site_settings: Sweep,
) -> None:
    upload = client.start(content, parts=True)
    client.send_parts(upload, content)
    worker_proxy.inject(
        Answer(400, "InvalidPart"), method="POST", target=r"\?uploadId="
    )

    reply = client.call("POST", f"/uploads/{upload['id']}/complete")
    assert (reply.status, reply.body["code"]) == (409, "incomplete")
    assert sweep_with_site_settings().failed == 0
    assert Upload.objects.get(pk=upload["id"]).state == State.PENDING

    Upload.objects.filter(pk=upload["id"]).update(expires_at=timezone.now())
    assert sweep_with_site_settings().failed == 0
    assert_ended_and_cleaned_up(upload["id"], state=State.EXPIRED)


def test_refused_url_is_renewed(
    client: Client, storage_proxy: FaultProxy, content: bytes
) -> None:
    expired = Answer(403, "AccessDenied", early=True)
    storage_proxy.inject(expired, method="PUT", times=2)

    record = client.upload(content, parts=True)

    assert_ready_once(client, record["id"], content)


def test_upload_continues_after_the_storage_was_killed_between_parts(
    client: Client, s3_server: S3Server, content: bytes
) -> None:
    upload = client.start(content, parts=True)
    client.send_parts(upload, content, [1])

    s3_server.kill()
    reply = client.call("POST", f"/uploads/{upload['id']}/complete")
    s3_server.start()

    assert (reply.status, reply.body["code"]) == (503, "storage_unavailable")
    client.send_parts(upload, content)
    assert client.complete(upload)["state"] == "ready"
    assert_ready_once(client, upload["id"], content)


def test_upload_continues_after_the_storage_was_killed_during_a_part(
    client: Client, storage_proxy: FaultProxy, s3_server: S3Server, content: bytes
) -> None:
    storage_proxy.pause_after(len(content) // 3)
    records: list[Any] = []
    thread = threading.Thread(
        target=lambda: records.append(client.upload(content, parts=True))
    )
    thread.start()
    storage_proxy.wait_until_paused()

    s3_server.kill()
    storage_proxy.end_faults()
    # Wait until the interrupted part and a retry during the outage have both failed.
    wait_until(lambda: len(unanswered(storage_proxy)) >= 2)
    s3_server.start()
    thread.join()

    assert_ready_once(client, records[0]["id"], content)
