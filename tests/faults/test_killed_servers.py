"""Kill web processes and databases at the most harmful moments."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from tests.faults.client import Client, Reply
from tests.faults.conftest import Sweep
from tests.faults.faults import HoldAnswer
from tests.faults.proxy import FaultProxy
from tests.faults.site import Site
from tests.faults.state_checks import assert_ended_and_cleaned_up, assert_ready_once
from tests.plugins.postgres import PostgresServer
from uploads.models import Upload
from uploads.s3.bucket import get_bucket
from uploads.states import State
from uploads.upkeep.bucket_sweep import UNSAVED, sweep_multipart_uploads
from uploads.upkeep.sweeper import Report, sweep

MOMENTS = {
    "S3 has completed": ("POST", r"\?uploadId="),
    "the object is verified": ("HEAD", ""),
    "the content is inspected": ("GET", r"^[^?]*$"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_complete_is_repeated_after_a_kill_before_the_commit(
    client: Client, site: Site, worker_proxy: FaultProxy, content: bytes, moment: str
) -> None:
    upload = client.start(content, parts=True)
    client.send_parts(upload, content)
    method, target = MOMENTS[moment]

    reply = _killed_during(
        lambda: client.call("POST", f"/uploads/{upload['id']}/complete"),
        site,
        worker_proxy,
        method,
        target,
    )

    assert reply.status == 0
    assert client.complete(upload)["state"] == "ready"
    assert_ready_once(client, upload["id"], content)


def test_sweeper_completes_an_upload_after_a_kill_before_the_commit(
    client: Client,
    site: Site,
    worker_proxy: FaultProxy,
    content: bytes,
    sweep_with_site_settings: Sweep,
) -> None:
    upload = client.start(content, parts=True)
    client.send_parts(upload, content)
    _killed_during(
        lambda: client.call("POST", f"/uploads/{upload['id']}/complete"),
        site,
        worker_proxy,
        "POST",
        r"\?uploadId=",
    )

    assert sweep_with_site_settings().failed == 0
    assert_ready_once(client, upload["id"], content)


def test_start_is_repeated_after_a_kill_before_the_multipart_id_is_saved(
    client: Client, site: Site, worker_proxy: FaultProxy, content: bytes
) -> None:
    _start_and_be_killed(client, site, worker_proxy, content)
    row = Upload.objects.latest("created_at")
    assert (row.state, row.multipart_id) == (State.PENDING, "")

    upload = client.start(content, key="killed", parts=True)
    client.send_parts(upload, content)

    assert upload["id"] == str(row.pk)
    assert client.complete(upload)["state"] == "ready"
    assert _open_at_s3(row) == 1
    _sweep_much_later()
    assert _open_at_s3(row) == 0
    assert_ready_once(client, upload["id"], content)


def test_upload_expires_after_a_kill_before_the_multipart_id_is_saved(
    client: Client, site: Site, worker_proxy: FaultProxy, content: bytes
) -> None:
    _start_and_be_killed(client, site, worker_proxy, content)
    row = Upload.objects.latest("created_at")
    assert _open_at_s3(row) == 1

    sweep()
    assert (
        _open_at_s3(row) == 1
    )  # a young multipart upload is kept, because a process may be about to save its id
    _sweep_much_later()
    assert _open_at_s3(row) == 0
    Upload.objects.filter(pk=row.pk).update(expires_at=timezone.now())
    assert sweep().failed == 0

    assert_ended_and_cleaned_up(str(row.pk), state=State.EXPIRED)


def test_listed_upload_is_continued_after_a_kill_during_its_start(
    client: Client, site: Site, worker_proxy: FaultProxy, content: bytes
) -> None:
    """The page finds the upload in its list, but has lost the idempotency key."""
    _start_and_be_killed(client, site, worker_proxy, content)
    listed = client.call_with_retries("GET", "/uploads?state=pending")["results"]

    client.send_parts(listed[0], content)

    assert client.complete(listed[0])["state"] == "ready"
    _sweep_much_later()
    assert_ready_once(client, listed[0]["id"], content)


def test_upload_is_cancelled_after_a_kill_during_its_start(
    client: Client, site: Site, worker_proxy: FaultProxy, content: bytes
) -> None:
    _start_and_be_killed(client, site, worker_proxy, content)
    row = Upload.objects.latest("created_at")

    client.call_with_retries("DELETE", f"/uploads/{row.pk}")
    assert sweep().failed == 0

    assert_ended_and_cleaned_up(str(row.pk), state=State.CANCELLED)


def test_sweeper_deletes_the_bytes_after_a_kill_during_a_cancel(
    client: Client,
    site: Site,
    worker_proxy: FaultProxy,
    content: bytes,
    sweep_with_site_settings: Sweep,
) -> None:
    upload = client.start(content, parts=True)
    client.send_parts(upload, content)

    _killed_during(
        lambda: client.call("DELETE", f"/uploads/{upload['id']}"),
        site,
        worker_proxy,
        "DELETE",
        "uploadId=",
    )

    assert sweep_with_site_settings().failed == 0
    assert_ended_and_cleaned_up(upload["id"], state=State.CANCELLED)


def test_upload_continues_after_a_restart_of_the_database(
    client: Client, postgres_server: PostgresServer, content: bytes
) -> None:
    upload = client.start(content, parts=True)
    client.send_parts(upload, content, [1])

    postgres_server.crash()
    reply = client.call("GET", f"/uploads/{upload['id']}/parts")
    postgres_server.resume()
    connection.close()

    assert reply.status == 503
    client.send_parts(upload, content)
    assert client.complete(upload)["state"] == "ready"
    assert_ready_once(client, upload["id"], content)


def test_complete_is_repeated_after_a_database_restart_before_the_commit(
    client: Client,
    worker_proxy: FaultProxy,
    postgres_server: PostgresServer,
    content: bytes,
) -> None:
    upload = client.start(content, parts=True)
    client.send_parts(upload, content)
    hold = HoldAnswer()
    worker_proxy.inject(hold, method="POST", target=r"\?uploadId=", times=1)
    replies: list[Reply] = []
    thread = threading.Thread(
        target=lambda: replies.append(
            client.call("POST", f"/uploads/{upload['id']}/complete")
        )
    )
    thread.start()
    hold.wait_until_arrived()

    postgres_server.crash()
    postgres_server.resume()
    connection.close()
    hold.released.set()
    thread.join()

    assert replies[0].status == 503
    assert client.complete(upload)["state"] == "ready"
    assert_ready_once(client, upload["id"], content)


def _killed_during(
    request: Any, site: Site, proxy: FaultProxy, method: str, target: str
) -> Reply:
    """Kill the web processes when S3 has executed a request but not answered yet."""
    hold = HoldAnswer()
    proxy.inject(hold, method=method, target=target, times=1)
    replies: list[Reply] = []
    thread = threading.Thread(target=lambda: replies.append(request()))
    thread.start()
    hold.wait_until_arrived()
    site.kill_workers()
    hold.released.set()
    thread.join()
    site.wait_until_it_answers()
    return replies[0]


def _start_and_be_killed(
    client: Client, site: Site, proxy: FaultProxy, content: bytes
) -> None:
    declaration = {
        "filename": "file.bin",
        "byte_size": len(content),
        "content_type": "application/octet-stream",
        "transport": "multipart",
    }
    reply = _killed_during(
        lambda: client.call("POST", "/uploads", declaration, key="killed"),
        site,
        proxy,
        "POST",
        r"\?uploads",
    )
    assert reply.status == 0


def _open_at_s3(row: Upload) -> int:
    return len(list(get_bucket().list_multipart_uploads(row.key)))


def _sweep_much_later() -> None:
    later = timezone.now() + UNSAVED + timedelta(seconds=1)
    sweep_multipart_uploads(Report(), now=later, dry_run=False)
