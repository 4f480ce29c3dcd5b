"""Test access, texts, escaping and caching of the pages."""

from __future__ import annotations

import json
import re
import uuid
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from uploads.inspection.extensions import RUNNABLE
from uploads.models import AuditEvent, StorageQuota, Upload
from uploads.s3.bucket import Bucket
from uploads.states import State, Transport
from uploads.views import files
from uploads.views.wording import SENTENCES, describe, describe_checksum, tell

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

TEMPLATES = Path(__file__).resolve().parents[3] / "templates"
REASONS = json.loads((Path(__file__).parents[2] / "cases" / "reasons.json").read_text())
HOSTILE = '"><img src=x onerror=alert(1)>.png'


@pytest.fixture
def bob(django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("bob")


@pytest.fixture
def page(client: Client, alice: Any) -> Client:
    """Return a browser in which alice is logged in."""
    client.force_login(alice)
    return client


def make_upload(owner: Any, **changes: Any) -> Upload:
    now = timezone.now()
    StorageQuota.objects.get_or_create(user=owner)
    facts: dict[str, Any] = {
        "owner": owner,
        "state": State.READY,
        "transport": Transport.PUT,
        "key": f"uploads/{uuid.uuid4()}",
        "filename": "survey.pdf",
        "byte_size": 0,
        "content_type": "application/pdf",
        "part_size": 16 * 1024 * 1024,
        "expires_at": now + timedelta(days=1),
        "completed_at": now,
    }
    return Upload.objects.create(**(facts | changes))


def upload_url(upload: Upload) -> str:
    return reverse("upload", args=[upload.pk])


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/uploads/6d1f0a52-0c41-4a86-9d3f-0d6a2d1f5d11/",
        "/uploads/6d1f0a52-0c41-4a86-9d3f-0d6a2d1f5d11/rename/",
        "/uploads/6d1f0a52-0c41-4a86-9d3f-0d6a2d1f5d11/delete/",
        "/api/v1/docs",
        "/accounts/password_change/",
    ],
)
def test_pages_redirect_to_the_login(client: Client, path: str) -> None:
    response = client.get(path)

    assert response.status_code == 302
    assert response["Location"] == f"/accounts/login/?next={path}"


def test_home_page_contains_the_data_for_its_script(page: Client, alice: Any) -> None:
    StorageQuota.objects.create(user=alice, limit_bytes=5_000_000_000, used_bytes=7)

    response = page.get("/")

    found = re.search(
        r'<script id="page-data" type="application/json">(.*?)</script>',
        response.content.decode(),
        re.DOTALL,
    )
    assert found is not None
    data = json.loads(found[1])
    assert data["username"] == "alice"
    assert data["runnableEndings"] == sorted(RUNNABLE)
    assert data["putLimit"] == 16 * 1024**2
    assert data["quota"]["limit_bytes"] == 5_000_000_000
    assert data["quota"]["used_bytes"] == 7
    assert data["policy"]["allowed_content_types"] == ["*/*"]
    assert 'data-checksum-worker="/static/build/checksum-worker.js"' in (
        response.content.decode()
    )


@pytest.mark.parametrize("uses_forms", [True, False])
def test_home_page_tells_its_script_whether_it_may_send_forms(
    page: Client, monkeypatch: pytest.MonkeyPatch, uses_forms: bool
) -> None:
    monkeypatch.setattr(files, "page_uses_forms", lambda: uses_forms)

    response = page.get("/")

    assert response.context["page_data"]["usesForms"] is uses_forms


def test_home_page_is_not_cached(page: Client) -> None:
    assert "no-store" in page.get("/")["Cache-Control"]


def test_pages_have_a_policy_without_inline_scripts_and_styles(page: Client) -> None:
    policy = page.get("/")["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy


@pytest.mark.parametrize(
    "breach",
    [
        r"<style|\sstyle=|\son[a-z]+=\"|javascript:",
        r"<script(?![^>]*\ssrc=)",
        r"(?:src|href)=\"(?:https?:)?//",
    ],
)
def test_templates_have_no_inline_scripts_and_styles(breach: str) -> None:
    templates = sorted(TEMPLATES.rglob("*.html"))
    assert len(templates) > 30, (
        "The test has found too few templates to prove anything."
    )

    assert [path for path in templates if re.search(breach, path.read_text())] == []


def test_file_page_shows_the_facts_of_the_file(page: Client, alice: Any) -> None:
    upload = make_upload(
        alice,
        relative_path="harbour/survey.pdf",
        checksum_sha256="LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
    )
    AuditEvent.objects.create(upload=upload, kind="upload.ready")

    text = page.get(upload_url(upload)).content.decode()

    assert "<bdi>survey.pdf</bdi>" in text
    assert "<bdi>harbour/survey.pdf</bdi>" in text
    # The page shows the checksum in the format of sha256sum.
    assert "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" in text
    assert "Checked and stored" in text
    assert f"/api/v1/uploads/{upload.pk}/download" in text


def test_hostile_name_is_escaped(page: Client, alice: Any) -> None:
    upload = make_upload(alice, filename=HOSTILE)

    text = page.get(upload_url(upload)).content.decode()

    assert "<img src=x" not in text
    assert "&lt;img src=x onerror=alert(1)&gt;" in text


@pytest.mark.parametrize(
    ("declared", "detected", "is_shown"),
    [
        ("image/png", "image/png", True),
        ("image/png", "", False),
        ("image/svg+xml", "image/svg+xml", False),
        ("application/pdf", "application/pdf", False),
    ],
)
def test_only_verified_raster_images_have_a_preview(
    page: Client, alice: Any, declared: str, detected: str, is_shown: bool
) -> None:
    upload = make_upload(alice, content_type=declared, detected_type=detected)

    text = page.get(upload_url(upload)).content.decode()

    assert ("download?inline=1" in text) is is_shown


def test_file_of_another_person_gets_the_answer_for_an_unknown_id(
    page: Client, bob: Any, settings: Settings
) -> None:
    settings.DEBUG = False
    theirs = make_upload(bob)

    foreign = page.get(upload_url(theirs))
    missing = page.get(reverse("upload", args=[uuid.uuid4()]))

    assert foreign.status_code == missing.status_code == 404
    assert foreign.content == missing.content


def test_file_of_another_person_cannot_be_renamed_or_deleted(
    page: Client, bob: Any
) -> None:
    theirs = make_upload(bob)

    renamed = page.post(
        reverse("upload-rename", args=[theirs.pk]), {"filename": "mine.pdf"}
    )
    deleted = page.post(reverse("upload-delete", args=[theirs.pk]))

    assert (renamed.status_code, deleted.status_code) == (404, 404)
    theirs.refresh_from_db()
    assert (theirs.filename, theirs.state) == ("survey.pdf", State.READY)


def test_rename_stores_the_sent_name_unchanged(page: Client, alice: Any) -> None:
    upload = make_upload(alice)

    response = page.post(
        reverse("upload-rename", args=[upload.pk]), {"filename": " plan b.pdf "}
    )

    assert response["Location"] == upload_url(upload)
    upload.refresh_from_db()
    assert upload.filename == "plan b.pdf"


@pytest.mark.parametrize(
    ("filename", "words"),
    [
        ("", "Give the file a name."),
        ("   ", "Give the file a name."),
        ("a/b\\c.pdf", "A name cannot contain / or \\."),
        ("../plan\u202e.pdf", "A name cannot contain / or \\."),
        ("plan\x00.pdf", "Null characters are not allowed."),
        ("x" * 2000, "A name has at most 255 characters."),
    ],
    ids=lambda text: ascii(text)[:20],
)
def test_rename_to_an_invalid_name_is_refused_with_a_message(
    page: Client, alice: Any, filename: str, words: str
) -> None:
    upload = make_upload(alice)

    response = page.post(
        reverse("upload-rename", args=[upload.pk]), {"filename": filename}, follow=True
    )

    assert f"The file was not renamed. {words}" in response.content.decode()
    upload.refresh_from_db()
    assert upload.filename == "survey.pdf"


def test_delete_removes_the_object_and_returns_to_the_list(
    page: Client, alice: Any, bucket: Bucket
) -> None:
    upload = make_upload(alice)
    StorageQuota.objects.filter(user=alice).update(file_count=1)
    bucket.client.put_object(Bucket=bucket.name, Key=upload.key, Body=b"")

    response = page.post(reverse("upload-delete", args=[upload.pk]), follow=True)

    assert response.redirect_chain == [("/", 302)]
    assert "survey.pdf is deleted." in response.content.decode()
    upload.refresh_from_db()
    assert upload.state == State.DELETED
    assert "Contents" not in bucket.client.list_objects_v2(Bucket=bucket.name)


@pytest.mark.parametrize("action", ["upload-rename", "upload-delete"])
def test_get_requests_change_nothing(page: Client, alice: Any, action: str) -> None:
    upload = make_upload(alice)

    assert page.get(reverse(action, args=[upload.pk])).status_code == 405


@pytest.mark.parametrize("state", State)
def test_every_state_has_a_text_and_a_page(
    page: Client, alice: Any, state: State
) -> None:
    upload = make_upload(alice, state=state)

    response = page.get(upload_url(upload))

    assert response.status_code == 200
    assert describe(upload).word in response.content.decode()
    assert (f"{upload.pk}/download" in response.content.decode()) is (
        state == State.READY
    )


def test_every_move_has_a_text() -> None:
    shown = {f"upload.{state.value}" for state in State} - {"upload.pending"}

    assert shown <= SENTENCES.keys()


def test_page_of_a_refused_file_shows_the_reason(alice: Any) -> None:
    upload = make_upload(
        alice, state=State.REJECTED, rejected_reason="It is a program."
    )

    shown = describe(upload)

    assert shown.tone == "error"
    assert shown.explanation == (
        "This file was refused. It is a program. The file was deleted from storage."
    )


def test_refused_file_can_only_be_removed_from_the_list(
    page: Client, alice: Any
) -> None:
    refused = make_upload(alice, state=State.REJECTED, rejected_reason="A program.")
    stored = make_upload(alice)

    shown = page.get(upload_url(refused)).content.decode()

    assert "Remove this file from the list?" in shown
    assert "does not offer it for download." in shown
    assert "its space will be free again" not in shown
    question = page.get(upload_url(stored)).content.decode()
    assert "its space will be free again" in question


@pytest.mark.parametrize(("key", "is_told"), [("quarantine/1", True), ("", False)])
def test_removal_question_warns_that_a_quarantined_file_cannot_be_released(
    alice: Any, key: str, is_told: bool
) -> None:
    refused = make_upload(
        alice, state=State.REJECTED, rejected_cause="content", quarantine_key=key
    )

    effect = describe(refused).removal_effect

    assert ("no operator can release this file" in effect) is is_told


@pytest.mark.parametrize("case", REASONS, ids=lambda case: case["shown"][:40])
def test_history_shows_reasons_as_text(alice: Any, case: dict[str, str]) -> None:
    upload = make_upload(alice, state=State.REJECTED)
    AuditEvent.objects.create(
        kind="upload.rejected", upload=upload, detail={"reason": case["reason"]}
    )

    [line] = tell(upload, reader=alice)

    assert (line.text, line.reason) == ("Refused", case["shown"])


DIGEST = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="


def test_checksum_of_a_file_in_parts_is_labelled_as_checksum_of_parts(
    alice: Any,
) -> None:
    upload = make_upload(alice, object_checksum="LPJNul+wow4=-3")

    shown = describe_checksum(upload)

    assert (shown.label, shown.value) == ("SHA-256 of parts", "LPJNul+wow4=-3")
    assert "3 parts" in shown.note


@pytest.mark.parametrize(
    ("verified_by", "words"),
    [
        ("", "Neither the storage nor this site has compared the stored file"),
        ("storage", "The storage compared the file with this checksum."),
        ("readback", "This site read the stored file and compared it"),
    ],
)
def test_page_shows_who_verified_the_checksum(
    page: Client, alice: Any, verified_by: str, words: str
) -> None:
    facts = {"checksum_sha256": DIGEST, "checksum_verified_by": verified_by}
    stored = make_upload(alice, **facts)
    arriving = make_upload(alice, state=State.PENDING, **facts)

    assert describe_checksum(stored).note.startswith(words)
    assert words in page.get(upload_url(stored)).content.decode()
    assert describe_checksum(arriving).note == ""


@pytest.mark.parametrize("transport", [Transport.MULTIPART, Transport.FORM])
def test_file_without_a_checksum_is_not_shown_as_verified(
    page: Client, alice: Any, transport: Transport
) -> None:
    upload = make_upload(alice, transport=transport)

    text = page.get(upload_url(upload)).content.decode()

    assert "Neither the storage nor this site has compared the stored file" in text


@pytest.mark.parametrize(
    ("transport", "field"),
    [
        (Transport.PUT, "checksum_sha256"),
        (Transport.POST, "checksum_sha256"),
        (Transport.FORM, "object_checksum"),
    ],
)
def test_page_of_a_file_sent_by_one_put_mentions_no_parts(
    alice: Any, transport: Transport, field: str
) -> None:
    shown = describe_checksum(
        make_upload(alice, transport=transport, **{field: DIGEST})
    )

    assert shown.label == "SHA-256"
    assert "parts" not in shown.note
    assert shown.value.startswith("2cf24dba5fb0a30e")


def test_owner_does_not_see_names_of_staff_in_the_history(
    page: Client, alice: Any, bob: Any
) -> None:
    upload = make_upload(alice)
    AuditEvent.objects.create(upload=upload, kind="upload.downloaded", actor=bob)

    text = page.get(upload_url(upload)).content.decode()

    assert "Downloaded by an administrator" in text
    assert "bob" not in text


def test_api_page_lists_every_operation_without_scripts_of_other_sites(
    page: Client,
) -> None:
    document = page.get("/api/v1/openapi.json").json()

    text = page.get(reverse("api-docs")).content.decode()

    assert len(document["paths"]) > 5
    for path in document["paths"]:
        assert f"<code>{path}</code>" in text
    for name in document["components"]["schemas"]:
        assert f'id="shape-{name}"' in text
    assert "//cdn" not in text


def test_api_page_begins_with_an_introduction(page: Client) -> None:
    text = page.get("/api/v1/docs").content.decode()

    assert text.index("<h1>API") < text.index('aria-label="Operations"')
