"""The admin obeys the permissions of staff. Nobody may change some rows."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.support.admin_pages import (
    EVENTS,
    LIST,
    POLICIES,
    QUOTAS,
    TOKENS,
    change_page,
    download_page,
    make_upload,
    messages_of,
    run_action,
    staff_client,
    store,
)
from uploads.admin.uploads import UploadAdmin
from uploads.models import (
    AuditEvent,
    Upload,
)
from uploads.s3.bucket import Bucket
from uploads.states import State

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("address", [LIST, EVENTS, QUOTAS, POLICIES, TOKENS])
def test_staff_without_permission_see_no_uploads(
    django_user_model: Any, address: str
) -> None:
    assert staff_client(django_user_model).get(address).status_code == 403


def test_viewer_has_no_download_and_no_actions(
    django_user_model: Any, alice: Any
) -> None:
    upload = make_upload(alice)
    viewer = staff_client(django_user_model, "view_upload")

    page = viewer.get(LIST)

    assert upload.filename in page.content.decode()
    assert download_page(upload) not in page.content.decode()
    assert viewer.get(download_page(upload)).status_code == 403
    run_action(viewer, "remove", upload, confirmed="yes")
    upload.refresh_from_db()
    assert upload.state == State.READY


def test_permission_to_verify_does_not_permit_deleting(
    django_user_model: Any, alice: Any, bucket: Bucket
) -> None:
    upload = make_upload(alice)
    store(bucket, upload)
    verifier = staff_client(django_user_model, "view_upload", "change_upload")

    refused = run_action(verifier, "remove", upload, confirmed="yes")

    assert messages_of(refused) == ["No action selected."]
    upload.refresh_from_db()
    assert upload.state == State.READY
    assert len(messages_of(run_action(verifier, "verify_again", upload))) == 1


def test_forged_form_does_not_change_an_upload(operator: Client, alice: Any) -> None:
    upload = make_upload(alice)

    answer = operator.post(
        change_page(upload), {"state": "deleted", "filename": "x", "byte_size": 0}
    )

    assert answer.status_code == 403
    upload.refresh_from_db()
    assert (upload.state, upload.filename, upload.byte_size) == (
        State.READY,
        "notes 0.txt",
        5,
    )


def test_admin_has_no_form_to_add_or_delete_an_upload(
    operator: Client, alice: Any
) -> None:
    upload = make_upload(alice)

    assert operator.get(f"{LIST}add/").status_code == 403
    assert operator.post(f"{LIST}{upload.pk}/delete/", {"post": "yes"}).status_code == (
        403
    )
    run_action(operator, "delete_selected", upload, post="yes")
    assert Upload.objects.filter(pk=upload.pk).exists()


def test_upload_page_shows_fields_and_events_read_only(
    operator: Client, alice: Any
) -> None:
    upload = make_upload(alice, filename="<img src=x onerror=alert(1)>.png")
    AuditEvent.objects.create(upload=upload, kind="upload.started", request_id="r-1")

    page = operator.get(change_page(upload)).content.decode()

    assert "&lt;img src=x onerror=alert(1)&gt;.png" in page
    assert "<img src=x" not in page
    assert "r-1" in page
    assert upload.key in page
    assert 'name="filename"' not in page
    assert 'name="_save"' not in page


def test_upload_page_shows_every_field_of_the_model() -> None:
    shown = set(UploadAdmin.readonly_fields)
    in_other_words = {"owner", "state", "byte_size", "part_size"}
    # The page shows these as links, or as a part of another field.
    in_other_words |= {
        "verified_parts",
        "released_as",
        "released_from",
        "search_name",
        "note",
    }

    columns = {field.name for field in Upload._meta.concrete_fields}

    assert columns - shown == in_other_words


def test_upload_page_shows_the_newest_events_up_to_a_limit(
    operator: Client, alice: Any
) -> None:
    upload = make_upload(alice)
    now = timezone.now()
    AuditEvent.objects.bulk_create(
        AuditEvent(
            upload=upload,
            kind="upload.downloaded",
            at=now + timedelta(seconds=number),
            request_id=f"request-{number:03}",
        )
        for number in range(120)
    )

    with CaptureQueriesContext(connection) as queries:
        page = operator.get(change_page(upload)).content.decode()

    shown = re.findall(r"request-\d{3}", page)
    assert shown == [f"request-{number:03}" for number in range(119, 69, -1)]
    assert len([q for q in queries if "uploads_auditevent" in q["sql"]]) == 1


@pytest.mark.parametrize("verb", ["change", "delete"])
def test_superuser_cannot_add_change_or_delete_events(
    operator: Client, alice: Any, verb: str
) -> None:
    event = AuditEvent.objects.create(upload=make_upload(alice), kind="upload.ready")

    answer = operator.post(f"{EVENTS}{event.pk}/{verb}/", {"post": "yes", "kind": "x"})
    operator.post(
        EVENTS,
        {"action": "delete_selected", "_selected_action": [event.pk], "post": "yes"},
    )

    assert answer.status_code == 403
    assert operator.get(f"{EVENTS}add/").status_code == 403
    assert AuditEvent.objects.get(pk=event.pk).kind == "upload.ready"


def test_account_with_uploads_cannot_be_deleted(operator: Client, alice: Any) -> None:
    event = AuditEvent.objects.create(upload=make_upload(alice), kind="upload.ready")

    operator.post(f"/admin/auth/user/{alice.pk}/delete/", {"post": "yes"})

    assert AuditEvent.objects.filter(pk=event.pk, upload__owner=alice).exists()
