"""What operators see of inspections: what waits and why, and the quarantine."""

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
def alice(django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("alice")


@pytest.fixture
def waiting(alice: Any, bucket: Bucket, settings: Any) -> Upload:
    """An upload whose inspector is away, among others."""
    for name in ("ready.txt", "waits.txt"):
        settings.INSPECTORS = entries("Yes" if name == "ready.txt" else "Absent")
        upload = begin(alice, filename=name)
        put(bucket, upload, b"hello")
        lifecycle.complete(upload)
    return upload


@pytest.fixture
def kept(alice: Any, bucket: Bucket, settings: Any) -> Upload:
    """An upload that was refused, its object in quarantine."""
    settings.UPLOADS = {**settings.UPLOADS, "QUARANTINE_PREFIX": "quarantine/"}
    settings.INSPECTORS = entries("No")
    upload = begin(alice, filename="kept.txt")
    put(bucket, upload, b"hello")
    return lifecycle.complete(upload)


def test_the_list_shows_what_waits_and_why(
    admin_client: Client, waiting: Upload
) -> None:
    page = admin_client.get(LIST).content.decode()

    assert page.count("gone fishing") == 1
    assert "Inspecting, waiting" in page


def test_the_list_is_filtered_by_what_waits(
    admin_client: Client, waiting: Upload
) -> None:
    page = admin_client.get(LIST, {"inspection": "waiting"}).content.decode()

    assert "waits.txt" in page
    assert "ready.txt" not in page


def test_the_audit_tells_what_waits_and_for_what(
    waiting: Upload, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("audit")

    out = capsys.readouterr().out
    assert "0 differences" in out
    assert "1 waiting: Absent: gone fishing." in out


def test_the_owner_reads_that_it_waits_and_not_for_what(
    client: Client, waiting: Upload
) -> None:
    client.force_login(waiting.owner)

    page = client.get(f"/uploads/{waiting.pk}/").content.decode()

    assert "cannot be checked right now" in page
    assert "Check put off" in page
    assert "fishing" not in page


def test_what_is_in_quarantine_is_found(admin_client: Client, kept: Upload) -> None:
    page = admin_client.get(LIST, {"inspection": "quarantined"}).content.decode()

    assert "kept.txt" in page


@pytest.mark.parametrize("action", ["purge_again", "remove"])
def test_the_operator_empties_the_quarantine(
    admin_client: Client, bucket: Bucket, kept: Upload, action: str
) -> None:
    assert bucket.head_object(kept.quarantine_key)

    answer = admin_client.post(
        LIST,
        {"action": action, "_selected_action": str(kept.pk), "confirmed": "yes"},
        follow=True,
    )

    assert "deleted from quarantine" in answer.content.decode()
    assert bucket.head_object(kept.quarantine_key) is None
    kept.refresh_from_db()
    assert kept.quarantine_key == ""
