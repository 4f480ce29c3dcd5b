"""Uploads succeed if answers of S3 or the site are lost, repeated or misleading."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.faults.client import Client, Reply
from tests.faults.conftest import Sweep
from tests.faults.faults import (
    INTERNAL_ERROR,
    Answer,
    CutAnswer,
    DropAnswer,
    HoldAnswer,
)
from tests.faults.proxy import FaultProxy
from tests.faults.state_checks import assert_ended_and_cleaned_up, assert_ready_once
from uploads.models import Upload
from uploads.s3.bucket import get_bucket
from uploads.states import State

COMPLETE_MULTIPART = r"[?&]uploadId="
COMPLETE = r"/complete$"


@pytest.fixture
def arrived(client: Client, content: bytes) -> Any:
    """Return an upload whose parts are all in the bucket."""
    upload = client.start(content, parts=True)
    client.send_parts(upload, content)
    return upload


def test_complete_succeeds_when_s3s_answer_is_lost_once(
    client: Client, worker_proxy: FaultProxy, arrived: Any, content: bytes
) -> None:
    lost = worker_proxy.inject(
        DropAnswer(), method="POST", target=COMPLETE_MULTIPART, times=1
    )

    record = client.complete(arrived)

    assert lost.hit_count == 1
    assert record["state"] == "ready"
    assert_ready_once(client, arrived["id"], content)


def test_complete_succeeds_when_s3s_answer_is_always_lost(
    client: Client, worker_proxy: FaultProxy, arrived: Any, content: bytes
) -> None:
    worker_proxy.inject(DropAnswer(), method="POST", target=COMPLETE_MULTIPART)

    record = client.complete(arrived)

    assert record["state"] == "ready"
    assert_ready_once(client, arrived["id"], content)


def test_complete_succeeds_when_s3s_answer_breaks_off(
    client: Client, worker_proxy: FaultProxy, arrived: Any, content: bytes
) -> None:
    worker_proxy.inject(
        CutAnswer(after_bytes=40), method="POST", target=COMPLETE_MULTIPART, times=1
    )

    assert client.complete(arrived)["state"] == "ready"

    assert_ready_once(client, arrived["id"], content)


def test_complete_succeeds_when_s3_answers_200_with_an_error(
    client: Client, worker_proxy: FaultProxy, arrived: Any, content: bytes
) -> None:
    error = worker_proxy.inject(
        Answer(200, "InternalError"), method="POST", target=COMPLETE_MULTIPART, times=2
    )

    assert client.complete(arrived)["state"] == "ready"

    assert error.hit_count == 2
    assert_ready_once(client, arrived["id"], content)


def test_complete_answers_503_while_s3_answers_200_with_an_error(
    client: Client, worker_proxy: FaultProxy, arrived: Any, content: bytes
) -> None:
    worker_proxy.inject(
        Answer(200, "InternalError"), method="POST", target=COMPLETE_MULTIPART
    )

    reply = client.call("POST", f"/uploads/{arrived['id']}/complete")
    assert (reply.status, reply.body["code"]) == (503, "storage_unavailable")

    worker_proxy.end_faults()
    assert client.complete(arrived)["state"] == "ready"
    assert_ready_once(client, arrived["id"], content)


CONFLICT = Answer(409, "ConditionalRequestConflict")


def test_complete_succeeds_after_one_conflict_at_s3(
    client: Client, worker_proxy: FaultProxy, arrived: Any, content: bytes
) -> None:
    conflict = worker_proxy.inject(
        CONFLICT, method="POST", target=COMPLETE_MULTIPART, times=1
    )

    assert client.complete(arrived)["state"] == "ready"

    assert conflict.hit_count == 1
    assert_ready_once(client, arrived["id"], content)


def test_complete_asks_for_all_parts_again_after_two_conflicts_at_s3(
    client: Client, worker_proxy: FaultProxy, arrived: Any, content: bytes
) -> None:
    worker_proxy.inject(CONFLICT, method="POST", target=COMPLETE_MULTIPART, times=2)
    row = Upload.objects.get(pk=arrived["id"])
    path = f"/uploads/{arrived['id']}"

    reply = client.call("POST", f"{path}/complete")

    assert (reply.status, reply.body["code"]) == (409, "incomplete")
    assert reply.body["missing_parts"] == list(range(1, row.part_count + 1))
    assert client.call_with_retries("GET", f"{path}/parts")["parts"] == []
    # The site has aborted the first multipart upload, so S3 stores and bills none of
    # its parts.
    [open_now] = get_bucket().list_multipart_uploads(row.key)
    assert open_now.multipart_id != row.multipart_id
    client.send_parts(arrived, content)
    assert client.complete(arrived)["state"] == "ready"
    assert_ready_once(client, arrived["id"], content, reopened=1)


def test_complete_succeeds_when_a_concurrent_call_has_made_the_object(
    client: Client, worker_proxy: FaultProxy, arrived: Any, content: bytes
) -> None:
    row = Upload.objects.get(pk=arrived["id"])
    bucket = get_bucket()
    hold = HoldAnswer()
    worker_proxy.inject(hold, method="GET", target=COMPLETE_MULTIPART, times=1)
    worker_proxy.inject(CONFLICT, method="POST", target=COMPLETE_MULTIPART)
    replies: list[Any] = []
    thread = threading.Thread(target=lambda: replies.append(client.complete(arrived)))
    thread.start()
    hold.wait_until_arrived()
    parts = bucket.list_parts(row.key, row.multipart_id)
    bucket.complete_multipart_upload(
        row.key, row.multipart_id, parts, byte_size=row.byte_size
    )

    hold.released.set()
    thread.join()

    assert replies[0]["state"] == "ready"
    assert_ready_once(client, arrived["id"], content)


def test_eight_conflicting_completions_leave_one_multipart_upload(
    client: Client, worker_proxy: FaultProxy, arrived: Any, content: bytes
) -> None:
    worker_proxy.inject(CONFLICT, method="POST", target=COMPLETE_MULTIPART)
    replies: list[Reply] = []

    def complete() -> None:
        replies.append(client.call("POST", f"/uploads/{arrived['id']}/complete"))

    threads = [threading.Thread(target=complete) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    worker_proxy.end_faults()

    assert {(reply.status, reply.body["code"]) for reply in replies} == {
        (409, "incomplete")
    }
    row = Upload.objects.get(pk=arrived["id"])
    open_now = get_bucket().list_multipart_uploads(row.key)
    assert [entry.multipart_id for entry in open_now] == [row.multipart_id]
    client.send_parts(arrived, content)
    assert client.complete(arrived)["state"] == "ready"
    reopened = row.events.filter(kind="upload.reopened").count()
    assert reopened >= 1
    assert_ready_once(client, arrived["id"], content, reopened=reopened)


def test_complete_succeeds_when_ceph_answers_500_to_the_retry(
    client: Client, worker_proxy: FaultProxy, arrived: Any, content: bytes
) -> None:
    # The first answer is lost, and Ceph answers the retry with an internal error.
    worker_proxy.inject(DropAnswer(), method="POST", target=COMPLETE_MULTIPART, times=1)
    worker_proxy.inject(INTERNAL_ERROR, method="POST", target=COMPLETE_MULTIPART)

    assert client.complete(arrived)["state"] == "ready"

    assert_ready_once(client, arrived["id"], content)


def test_complete_succeeds_when_ceph_answers_404_to_the_list_of_parts(
    client: Client, worker_proxy: FaultProxy, arrived: Any, content: bytes
) -> None:
    row = Upload.objects.get(pk=arrived["id"])
    bucket = get_bucket()
    parts = bucket.list_parts(row.key, row.multipart_id)
    bucket.complete_multipart_upload(
        row.key, row.multipart_id, parts, byte_size=row.byte_size
    )
    worker_proxy.inject(
        Answer(404, "NoSuchKey"), method="GET", target=COMPLETE_MULTIPART
    )

    assert (
        client.call_with_retries("GET", f"/uploads/{arrived['id']}/parts")["parts"]
        == []
    )
    assert client.complete(arrived)["state"] == "ready"

    assert_ready_once(client, arrived["id"], content)


def test_complete_is_repeated_when_the_sites_answers_are_lost(
    client: Client, site_proxy: FaultProxy, arrived: Any, content: bytes
) -> None:
    lost = site_proxy.inject(DropAnswer(), method="POST", target=COMPLETE, times=3)

    assert client.complete(arrived)["state"] == "ready"

    assert lost.hit_count == 3
    assert_ready_once(client, arrived["id"], content)


def test_put_of_a_whole_file_is_repeated_when_its_answer_is_lost(
    client: Client, storage_proxy: FaultProxy, content: bytes
) -> None:
    storage_proxy.inject(DropAnswer(), method="PUT", times=1)

    record = client.upload(content, parts=False)

    assert record["state"] == "ready"
    statuses = [x.status for x in storage_proxy.exchanges if x.method == "PUT"]
    assert statuses == [200, 412]
    assert_ready_once(client, record["id"], content)


def test_start_is_repeated_when_its_answers_are_lost(
    client: Client, site_proxy: FaultProxy, content: bytes
) -> None:
    site_proxy.inject(DropAnswer(), method="POST", target="/uploads$", times=2)

    record = client.upload(content, parts=True)

    assert_ready_once(client, record["id"], content)


def test_two_successive_completions_get_the_same_answer(
    client: Client, arrived: Any, content: bytes
) -> None:
    first, second = client.complete(arrived), client.complete(arrived)

    assert first == second
    assert_ready_once(client, arrived["id"], content)


def test_eight_concurrent_completions_succeed(
    client: Client, arrived: Any, content: bytes
) -> None:
    replies: list[Reply] = []

    def complete() -> None:
        replies.append(client.call("POST", f"/uploads/{arrived['id']}/complete"))

    threads = [threading.Thread(target=complete) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [reply.status for reply in replies] == [200] * 8
    assert {reply.body["state"] for reply in replies} <= {"inspecting", "ready"}
    assert client.complete(arrived)["state"] == "ready"
    assert_ready_once(client, arrived["id"], content)


def test_second_complete_succeeds_while_s3_answers_the_first(
    client: Client, worker_proxy: FaultProxy, arrived: Any, content: bytes
) -> None:
    hold = HoldAnswer()
    worker_proxy.inject(hold, method="POST", target=COMPLETE_MULTIPART, times=1)
    thread = threading.Thread(target=client.complete, args=(arrived,))
    thread.start()
    hold.wait_until_arrived()

    assert client.complete(arrived)["state"] == "ready"
    hold.released.set()
    thread.join()

    assert_ready_once(client, arrived["id"], content)


def test_cancel_succeeds_while_s3_joins_the_parts(
    client: Client,
    worker_proxy: FaultProxy,
    arrived: Any,
    sweep_with_site_settings: Sweep,
) -> None:
    hold = HoldAnswer()
    worker_proxy.inject(hold, method="POST", target=COMPLETE_MULTIPART, times=1)
    replies: list[Reply] = []

    def complete() -> None:
        replies.append(client.call("POST", f"/uploads/{arrived['id']}/complete"))

    thread = threading.Thread(target=complete)
    thread.start()
    hold.wait_until_arrived()

    client.call_with_retries("DELETE", f"/uploads/{arrived['id']}")
    hold.released.set()
    thread.join()

    assert replies[0].status == 409
    assert sweep_with_site_settings().failed == 0
    assert_ended_and_cleaned_up(arrived["id"], state=State.CANCELLED)


def test_sweeper_completes_an_upload_without_a_client(
    client: Client, arrived: Any, content: bytes, sweep_with_site_settings: Sweep
) -> None:
    assert sweep_with_site_settings().failed == 0
    assert_ready_once(client, arrived["id"], content)
