"""The admin shows waiting inspections and files in quarantine."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from tests.support.builders import begin, put
from tests.support.inspectors import entries
from uploads import lifecycle
from uploads.models import Upload
from uploads.s3.bucket import Bucket

LIST = "/admin/uploads/upload/"


@pytest.fixture
def waiting_upload(alice: Any, bucket: Bucket, settings: Any) -> Upload:
    """Create an upload whose inspector is unavailable, and a ready upload."""
    for name in ("ready.txt", "waits.txt"):
        settings.INSPECTORS = entries(
            "Accepting" if name == "ready.txt" else "Unavailable"
        )
        upload = begin(alice, filename=name)
        put(bucket, upload, b"hello")
        lifecycle.advance(upload)
    return upload


@pytest.fixture
def quarantined_upload(alice: Any, bucket: Bucket, settings: Any) -> Upload:
    """Create a rejected upload with its object in quarantine."""
    settings.UPLOADS = {**settings.UPLOADS, "QUARANTINE_PREFIX": "quarantine/"}
    settings.INSPECTORS = entries("Refusing")
    upload = begin(alice, filename="kept.txt")
    put(bucket, upload, b"hello")
    return lifecycle.advance(upload)


def test_list_shows_waiting_uploads_with_their_reason(
    admin_client: Client, waiting_upload: Upload
) -> None:
    page = admin_client.get(LIST).content.decode()

    assert page.count("test scanner does not answer") == 1
    assert "Inspecting, waiting" in page


def test_list_can_be_filtered_by_waiting_uploads(
    admin_client: Client, waiting_upload: Upload
) -> None:
    page = admin_client.get(LIST, {"inspection": "waiting"}).content.decode()

    assert "waits.txt" in page
    assert "ready.txt" not in page


def test_audit_prints_waiting_uploads_with_their_reason(
    waiting_upload: Upload, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("audit")

    out = capsys.readouterr().out
    assert "0 differences" in out
    assert (
        "1 uploads wait for an inspection: Unavailable: The test scanner does not answer."
        in out
    )


def test_owner_does_not_see_the_waiting_reason(
    client: Client, waiting_upload: Upload
) -> None:
    client.force_login(waiting_upload.owner)

    page = client.get(f"/uploads/{waiting_upload.pk}/").content.decode()

    assert "cannot be checked right now" in page
    assert "Check postponed" in page
    assert "fishing" not in page


def test_list_can_be_filtered_by_quarantined_uploads(
    admin_client: Client, quarantined_upload: Upload
) -> None:
    page = admin_client.get(LIST, {"inspection": "quarantined"}).content.decode()

    assert "kept.txt" in page


@pytest.mark.parametrize("action", ["purge_again", "remove"])
def test_operator_deletes_an_object_from_quarantine(
    admin_client: Client, bucket: Bucket, quarantined_upload: Upload, action: str
) -> None:
    assert bucket.head_object(quarantined_upload.quarantine_key)

    answer = admin_client.post(
        LIST,
        {
            "action": action,
            "_selected_action": str(quarantined_upload.pk),
            "confirmed": "yes",
        },
        follow=True,
    )

    assert "deleted from quarantine" in answer.content.decode()
    assert bucket.head_object(quarantined_upload.quarantine_key) is None
    quarantined_upload.refresh_from_db()
    assert quarantined_upload.quarantine_key == ""
