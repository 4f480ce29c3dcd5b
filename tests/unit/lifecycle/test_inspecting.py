"""Test waiting, retries, quarantine and renames around an inspection."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError

from tests.support.archives import bomb, packed
from tests.support.builders import (
    begin,
    event_kinds,
    let_time_pass,
    make_ready,
    put,
    quota_counts,
)
from tests.support.heads import PDF as PDF_HEAD
from tests.support.inspectors import Unavailable, entries
from tests.support.storage_faults import s3_answers_500
from uploads import lifecycle
from uploads.errors import InvalidRequest, InvalidState, StaleUpload
from uploads.inspection.archives import ArchiveInspector
from uploads.inspection.budget import OverBudget
from uploads.inspection.verdicts import refused
from uploads.lifecycle import reconciliation
from uploads.lifecycle.quarantine import empty_quarantine
from uploads.models import Upload
from uploads.s3.bucket import Bucket
from uploads.states import State
from uploads.upkeep.auditing import audit
from uploads.upkeep.sweeper import sweep

PDF = b"%PDF-1.7\n"
PROGRAM = b"MZ\x90\x00" + bytes(60)


@pytest.fixture
def make_available(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Configure an unavailable inspector. Return a function that makes it available."""
    settings.INSPECTORS = entries("Accepting", "Unavailable")
    monkeypatch.setattr(Unavailable, "is_unavailable", True)
    return lambda: monkeypatch.setattr(Unavailable, "is_unavailable", False)


def start_and_send(
    bucket: Bucket, owner: Any, content: bytes = b"hello", **facts: Any
) -> Upload:
    upload = begin(owner, content, **facts)
    put(bucket, upload, content)
    return upload


# Waiting


def test_upload_waits_for_an_unavailable_inspector(
    alice: Any, bucket: Bucket, make_available: Any
) -> None:
    upload = lifecycle.advance(start_and_send(bucket, alice))

    upload.refresh_from_db()
    assert upload.state == State.INSPECTING
    assert upload.waiting_reason == "Unavailable: The test scanner does not answer."
    assert quota_counts(alice) == (0, 5, 0, 1)
    assert event_kinds(upload)[-1] == "upload.waiting"
    with pytest.raises(InvalidState):
        lifecycle.presign_download(upload)


def test_event_of_a_waiting_upload_is_recorded_once_without_the_reason(
    alice: Any, bucket: Bucket, make_available: Any
) -> None:
    # The owner can read the event. Only the operator may read the reason.
    upload = start_and_send(bucket, alice)
    for _ in range(3):
        lifecycle.advance(upload)

    assert event_kinds(upload).count("upload.waiting") == 1
    assert upload.events.get(kind="upload.waiting").detail == {}


def test_waiting_upload_becomes_ready_when_the_inspector_is_available(
    alice: Any, bucket: Bucket, make_available: Any
) -> None:
    upload = lifecycle.advance(start_and_send(bucket, alice))
    make_available()

    lifecycle.advance(upload)

    upload.refresh_from_db()
    assert (upload.state, upload.waiting_reason) == (State.READY, "")
    assert quota_counts(alice) == (5, 0, 1, 0)


def test_error_in_an_inspector_accepts_no_file(
    alice: Any, bucket: Bucket, settings: Any
) -> None:
    settings.INSPECTORS = entries("Failing")

    upload = lifecycle.advance(start_and_send(bucket, alice))

    assert upload.state == State.INSPECTING
    assert "ZeroDivisionError" in upload.waiting_reason


def test_refusal_does_not_wait_for_an_unavailable_inspector(
    alice: Any, bucket: Bucket, settings: Any
) -> None:
    settings.INSPECTORS = entries("Unavailable", "Refusing")

    upload = lifecycle.advance(start_and_send(bucket, alice))

    assert (upload.state, upload.waiting_reason) == (State.REJECTED, "")


def test_waiting_upload_can_be_cancelled(
    alice: Any, bucket: Bucket, make_available: Any
) -> None:
    upload = lifecycle.advance(start_and_send(bucket, alice))

    lifecycle.remove(upload)

    assert quota_counts(alice) == (0, 0, 0, 0)
    assert Upload.objects.waiting().count() == 0


def test_sweeper_retries_at_growing_intervals(
    alice: Any, bucket: Bucket, make_available: Any
) -> None:
    upload = lifecycle.advance(start_and_send(bucket, alice))
    waits = []
    for _ in range(10):
        let_time_pass(minutes=6)
        report = sweep()
        assert (report.looked_at, report.waiting, report.failed) == (1, 1, 0)
        upload.refresh_from_db()
        assert upload.retry_at is not None
        waits.append(upload.failed_checks)
        assert sweep().looked_at == (1 if upload.failed_checks == 1 else 0)
        upload.refresh_from_db()

    assert waits[0] == 1
    assert waits == sorted(set(waits))
    make_available()
    let_time_pass(minutes=6)  # longer than the longest interval
    report = sweep()
    assert (report.completed, report.waiting) == (1, 0)
    upload.refresh_from_db()
    assert (upload.state, upload.failed_checks) == (State.READY, 0)
    assert list(audit()) == []


def test_sweeper_counts_waiting_uploads_that_are_not_due(
    alice: Any, bucket: Bucket, make_available: Any
) -> None:
    lifecycle.advance(start_and_send(bucket, alice))

    report = sweep(dry_run=True)

    assert (report.looked_at, report.waiting) == (0, 1)


def test_note_of_an_inspector_is_recorded(
    alice: Any, bucket: Bucket, settings: Any
) -> None:
    settings.INSPECTORS = entries("Accepting", note="It is too large to be scanned.")

    upload = make_ready(bucket, alice)

    detail = upload.events.get(kind="upload.ready").detail
    assert detail["reason"] == "It is too large to be scanned."


# Quarantine


@pytest.fixture
def use_quarantine(settings: Any) -> str:
    settings.UPLOADS = {**settings.UPLOADS, "QUARANTINE_PREFIX": "quarantine/"}
    return "quarantine/"


def keys(bucket: Bucket, prefix: str = "") -> list[str]:
    return [entry.key for entry in bucket.list_objects(prefix)]


def test_refused_content_is_purged_by_default(alice: Any, bucket: Bucket) -> None:
    upload = lifecycle.advance(start_and_send(bucket, alice, PROGRAM))

    assert (upload.state, upload.quarantine_key) == (State.REJECTED, "")
    assert keys(bucket) == []


def test_refused_content_is_copied_to_quarantine(
    alice: Any, bucket: Bucket, use_quarantine: str
) -> None:
    upload = lifecycle.advance(start_and_send(bucket, alice, PROGRAM))

    upload.refresh_from_db()
    assert upload.state == State.REJECTED
    assert keys(bucket) == [upload.quarantine_key]
    assert upload.quarantine_key.startswith(use_quarantine)
    facts = bucket.head_object(upload.quarantine_key)
    assert facts is not None
    assert facts.content_type == "application/octet-stream"
    assert bucket.read_range(upload.quarantine_key, 0, 1000) == PROGRAM
    assert quota_counts(alice) == (0, 0, 0, 0)
    with pytest.raises(InvalidState):
        lifecycle.presign_download(upload)


def test_object_in_quarantine_is_no_orphan(
    alice: Any, bucket: Bucket, use_quarantine: str
) -> None:
    upload = lifecycle.advance(start_and_send(bucket, alice, PROGRAM))
    for _ in range(2):
        let_time_pass(days=10)
        report = sweep()
        assert (report.orphans, report.young_orphans) == (0, 0)

    assert list(audit()) == []
    assert keys(bucket) == [upload.quarantine_key]


def test_object_that_differs_from_its_declaration_is_not_quarantined(
    alice: Any, bucket: Bucket, use_quarantine: str
) -> None:
    upload = begin(alice, PROGRAM)
    put(bucket, upload, b"others")

    lifecycle.advance(upload)

    assert upload.state == State.REJECTED
    assert keys(bucket) == []


def test_quarantined_copy_is_kept_when_the_owner_removes_the_upload(
    alice: Any, bucket: Bucket, use_quarantine: str
) -> None:
    upload = lifecycle.advance(start_and_send(bucket, alice, PROGRAM))

    lifecycle.remove(upload)

    assert upload.state == State.DELETED
    assert keys(bucket) == [upload.quarantine_key]


def test_operator_deletes_quarantined_copies(
    alice: Any, bucket: Bucket, use_quarantine: str
) -> None:
    upload = lifecycle.advance(start_and_send(bucket, alice, PROGRAM))

    assert empty_quarantine(upload)
    assert not empty_quarantine(upload)

    upload.refresh_from_db()
    assert upload.quarantine_key == ""
    assert keys(bucket) == []
    assert event_kinds(upload)[-1] == "upload.purged"


def test_upload_waits_while_the_quarantine_cannot_be_written(
    alice: Any, bucket: Bucket, use_quarantine: str
) -> None:
    upload = start_and_send(bucket, alice, PROGRAM)

    with s3_answers_500(bucket, "CopyObject"):
        lifecycle.advance(upload)

    assert upload.state == State.INSPECTING
    assert upload.waiting_reason.startswith("Quarantine")
    lifecycle.advance(upload)
    assert upload.state == State.REJECTED
    assert keys(bucket) == [upload.quarantine_key]


def test_next_attempt_uses_the_quarantined_copy_of_a_failed_attempt(
    alice: Any, bucket: Bucket, use_quarantine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = start_and_send(bucket, alice, PROGRAM)
    with monkeypatch.context() as patch:
        patch.setattr(lifecycle.inspecting, "reject", _fail)
        with pytest.raises(OperationalError):
            lifecycle.advance(upload)
    assert len(keys(bucket, use_quarantine)) == 1

    lifecycle.advance(upload)

    assert upload.state == State.REJECTED
    assert keys(bucket) == [upload.quarantine_key]


def test_quarantined_copy_is_deleted_if_the_upload_was_cancelled_meanwhile(
    alice: Any, bucket: Bucket, use_quarantine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = start_and_send(bucket, alice, PROGRAM)

    def cancel(*args: Any, **facts: Any) -> None:
        lifecycle.remove(Upload.objects.get())
        raise StaleUpload

    monkeypatch.setattr(lifecycle.inspecting, "reject", cancel)
    with pytest.raises(InvalidState):
        lifecycle.advance(upload)

    assert keys(bucket) == []


def test_object_too_large_for_a_copy_is_purged(
    alice: Any, bucket: Bucket, use_quarantine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle.quarantine, "MAX_COPY", 3)

    upload = lifecycle.advance(start_and_send(bucket, alice, PROGRAM))

    assert (upload.state, upload.quarantine_key) == (State.REJECTED, "")
    assert keys(bucket) == []


def _fail(*args: Any, **facts: Any) -> None:
    raise OperationalError("the connection was closed")


# Names


def test_name_is_compared_with_the_content_at_completion(
    alice: Any, bucket: Bucket
) -> None:
    upload = start_and_send(bucket, alice, PROGRAM, filename="notes.txt")

    lifecycle.advance(upload)

    assert upload.state == State.REJECTED
    assert ".txt" in upload.rejected_reason


@pytest.mark.parametrize(
    "filename", ["notes.pdf.exe", "notes.txt.JS", "notes.txt.ln\u200bk"]
)
@pytest.mark.parametrize("ready", [True, False])
def test_new_name_is_compared_with_the_content(
    alice: Any, bucket: Bucket, filename: str, ready: bool
) -> None:
    upload = make_ready(bucket, alice) if ready else begin(alice)

    with pytest.raises(InvalidRequest) as caught:
        lifecycle.rename(upload, filename)

    assert "filename" in caught.value.fields
    upload.refresh_from_db()
    assert upload.filename == "notes.txt"


@pytest.mark.parametrize("filename", ["letter.txt", "notes", "notes.md", "notes.bak"])
def test_harmless_rename_is_accepted(alice: Any, bucket: Bucket, filename: str) -> None:
    upload = make_ready(bucket, alice)

    lifecycle.rename(upload, filename)

    upload.refresh_from_db()
    assert upload.filename == filename


@pytest.mark.parametrize(
    ("content", "was", "becomes", "words"),
    [
        (PROGRAM, "tool.exe", "letter.pdf", "Windows program"),
        (b"#!/bin/sh\n", "run.sh", "photo.png", "script"),
        (b"<html><body>x", "page.html", "film.mp4", "web page"),
    ],
)
def test_rename_inspects_the_stored_content(
    alice: Any, bucket: Bucket, content: bytes, was: str, becomes: str, words: str
) -> None:
    upload = start_and_send(
        bucket, alice, content, filename=was, content_type="application/octet-stream"
    )
    lifecycle.advance(upload)
    assert upload.state == State.READY

    with pytest.raises(InvalidRequest, match=words):
        lifecycle.rename(upload, becomes)


def test_rename_to_an_archives_name_inspects_the_content_as_an_archive(
    alice: Any, bucket: Bucket
) -> None:
    upload = lifecycle.advance(start_and_send(bucket, alice, filename="notes.txt"))

    with (
        patch.object(ArchiveInspector, "inspect", return_value=refused("No.")),
        pytest.raises(InvalidRequest, match=r"No\."),
    ):
        lifecycle.rename(upload, "notes.zip")


def test_rename_to_an_archives_name_finds_an_archive_behind_a_document(
    alice: Any, bucket: Bucket
) -> None:
    content = PDF_HEAD + packed(("../evil", b"x"))
    facts = {"filename": "paper.pdf", "content_type": "application/pdf"}
    upload = reconciliation.complete(start_and_send(bucket, alice, content, **facts))
    assert upload.state == State.READY

    for name in ("paper.zip", "paper.jar", "paper.z\u200bip"):
        with pytest.raises(InvalidRequest, match="evil"):
            lifecycle.rename(upload, name)


def test_rename_is_refused_if_its_inspection_takes_too_long(
    alice: Any, bucket: Bucket
) -> None:
    text = reconciliation.complete(start_and_send(bucket, alice, filename="notes.txt"))
    archive = start_and_send(bucket, alice, packed(("a", b"a")), filename="a.zip")
    reconciliation.complete(archive)

    with patch.object(ArchiveInspector, "inspect", side_effect=OverBudget):
        with pytest.raises(InvalidRequest, match="too large for a check"):
            lifecycle.rename(text, "notes.zip")
        lifecycle.rename(text, "notes.md")
        # The inspection has already checked these bytes as an archive.
        lifecycle.rename(archive, "a.jar")
        with pytest.raises(InvalidRequest, match=r"\.pdf\.exe"):
            lifecycle.rename(archive, "a.pdf.exe")

    assert (text.filename, archive.filename) == ("notes.md", "a.jar")


def test_mismatch_of_name_and_content_is_noted(alice: Any, bucket: Bucket) -> None:
    upload = start_and_send(
        bucket, alice, PDF, filename="a.jpg", content_type="image/jpeg"
    )

    lifecycle.advance(upload)

    upload.refresh_from_db()
    assert (upload.state, upload.detected_type) == (State.READY, "application/pdf")
    assert (
        lifecycle.note_on(upload)
        == "The name ends in .jpg, but the file is a PDF document."
    )
    event_detail = upload.events.get(kind="upload.ready").detail
    assert event_detail["detected_type"] == "application/pdf"
    lifecycle.rename(upload, "a.pdf")
    assert lifecycle.note_on(upload) == ""


def test_note_of_an_inspector_is_kept_after_a_rename(
    alice: Any, bucket: Bucket, settings: Any
) -> None:
    settings.INSPECTORS = entries(
        "Accepting", owner_note="Local names were not checked."
    )

    upload = lifecycle.advance(start_and_send(bucket, alice))

    upload.refresh_from_db()
    assert upload.note == "Local names were not checked."
    assert lifecycle.note_on(upload) == "Local names were not checked."


def test_extension_cannot_change_during_an_inspection(
    alice: Any, bucket: Bucket, make_available: Any
) -> None:
    upload = lifecycle.advance(start_and_send(bucket, alice))

    with pytest.raises(InvalidState, match="being checked"):
        lifecycle.rename(upload, "notes.md")
    lifecycle.rename(upload, "other.txt")

    assert Upload.objects.get().filename == "other.txt"


def test_inspection_of_a_stale_row_uses_the_new_name(
    alice: Any, bucket: Bucket
) -> None:
    upload = start_and_send(bucket, alice)
    Upload.objects.update(filename="notes.txt.exe")

    reconciliation.complete(upload)

    assert upload.state == State.REJECTED


def test_zip_bomb_is_rejected_at_completion(alice: Any, bucket: Bucket) -> None:
    upload = start_and_send(
        bucket, alice, bomb(), filename="a.zip", content_type="application/zip"
    )

    lifecycle.advance(upload)

    assert upload.state == State.REJECTED
    assert quota_counts(alice) == (0, 0, 0, 0)
