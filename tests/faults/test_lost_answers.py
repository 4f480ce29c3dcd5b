"""Answers that get lost, are repeated, or are not what they seem."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.faults.books import assert_nothing_left, assert_ready_once
from tests.faults.client import Client, Reply
from tests.faults.conftest import Sweep
from tests.faults.faults import Answer, CutAnswer, DropAnswer, HoldAnswer
from tests.faults.proxy import FaultProxy
from uploads.states import State

COMPLETE_MULTIPART = r"\?uploadId="
COMPLETE = r"/complete$"


@pytest.fixture
def arrived(client: Client, content: bytes) -> Any:
    """An upload whose parts are all in the bucket."""
    upload = client.start(content, parts=True)
    client.send_parts(upload, content)
    return upload


def test_the_answer_to_complete_multipart_upload_is_lost(
    client: Client, worker_proxy: FaultProxy, arrived: Any, content: bytes
) -> None:
    lost = worker_proxy.inject(
        DropAnswer(), method="POST", target=COMPLETE_MULTIPART, times=1
    )

    record = client.complete(arrived)

    assert lost.struck == 1
    assert record["state"] == "ready"
    assert_ready_once(client, arrived["id"], content)


def test_the_answer_to_complete_multipart_upload_is_lost_every_time(
    client: Client, worker_proxy: FaultProxy, arrived: Any, content: bytes
) -> None:
    worker_proxy.inject(DropAnswer(), method="POST", target=COMPLETE_MULTIPART)

    record = client.complete(arrived)

    assert record["state"] == "ready"
    assert_ready_once(client, arrived["id"], content)


def test_the_answer_to_complete_multipart_upload_breaks_off(
    client: Client, worker_proxy: FaultProxy, arrived: Any, content: bytes
) -> None:
    worker_proxy.inject(
        CutAnswer(after_bytes=40), method="POST", target=COMPLETE_MULTIPART, times=1
    )

    assert client.complete(arrived)["state"] == "ready"

    assert_ready_once(client, arrived["id"], content)


def test_complete_multipart_upload_answers_200_with_an_error(
    client: Client, worker_proxy: FaultProxy, arrived: Any, content: bytes
) -> None:
    error = worker_proxy.inject(
        Answer(200, "InternalError"), method="POST", target=COMPLETE_MULTIPART, times=2
    )

    assert client.complete(arrived)["state"] == "ready"

    assert error.struck == 2
    assert_ready_once(client, arrived["id"], content)


def test_complete_multipart_upload_answers_200_with_an_error_for_long(
    client: Client, worker_proxy: FaultProxy, arrived: Any, content: bytes
) -> None:
    worker_proxy.inject(
        Answer(200, "InternalError"), method="POST", target=COMPLETE_MULTIPART
    )

    reply = client.call("POST", f"/uploads/{arrived['id']}/complete")
    assert (reply.status, reply.body["code"]) == (503, "storage_unavailable")

    worker_proxy.heal()
    assert client.complete(arrived)["state"] == "ready"
    assert_ready_once(client, arrived["id"], content)


def test_the_answer_to_complete_is_lost_and_complete_is_repeated(
    client: Client, site_proxy: FaultProxy, arrived: Any, content: bytes
) -> None:
    lost = site_proxy.inject(DropAnswer(), method="POST", target=COMPLETE, times=3)

    assert client.complete(arrived)["state"] == "ready"

    assert lost.struck == 3
    assert_ready_once(client, arrived["id"], content)


def test_the_answer_to_the_put_of_a_whole_file_is_lost(
    client: Client, storage_proxy: FaultProxy, content: bytes
) -> None:
    storage_proxy.inject(DropAnswer(), method="PUT", times=1)

    record = client.upload(content, parts=False)

    assert record["state"] == "ready"
    statuses = [x.status for x in storage_proxy.exchanges if x.method == "PUT"]
    assert statuses == [200, 412]
    assert_ready_once(client, record["id"], content)


def test_the_answer_to_start_is_lost_and_start_is_repeated(
    client: Client, site_proxy: FaultProxy, content: bytes
) -> None:
    site_proxy.inject(DropAnswer(), method="POST", target="/uploads$", times=2)

    record = client.upload(content, parts=True)

    assert_ready_once(client, record["id"], content)


def test_complete_twice_in_a_row(client: Client, arrived: Any, content: bytes) -> None:
    first, second = client.complete(arrived), client.complete(arrived)

    assert first == second
    assert_ready_once(client, arrived["id"], content)


def test_complete_many_times_at_once(
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


def test_a_second_complete_while_s3_thinks_about_the_first(
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


def test_a_cancel_while_s3_thinks_about_complete(
    client: Client,
    worker_proxy: FaultProxy,
    arrived: Any,
    sweep_as_the_site_does: Sweep,
) -> None:
    hold = HoldAnswer()
    worker_proxy.inject(hold, method="POST", target=COMPLETE_MULTIPART, times=1)
    replies: list[Reply] = []

    def complete() -> None:
        replies.append(client.call("POST", f"/uploads/{arrived['id']}/complete"))

    thread = threading.Thread(target=complete)
    thread.start()
    hold.wait_until_arrived()

    client.ask("DELETE", f"/uploads/{arrived['id']}")
    hold.released.set()
    thread.join()

    assert replies[0].status == 409
    assert sweep_as_the_site_does().failed == 0
    assert_nothing_left(arrived["id"], state=State.CANCELLED)


def test_nobody_completes_and_the_sweeper_does(
    client: Client, arrived: Any, content: bytes, sweep_as_the_site_does: Sweep
) -> None:
    assert sweep_as_the_site_does().failed == 0
    assert_ready_once(client, arrived["id"], content)
