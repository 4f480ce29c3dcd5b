"""Inspection results by the API, the bucket and clamd, as in docs/inspection.md."""

from __future__ import annotations

import gzip
import zipfile
from typing import Any

import pytest

from tests.attacks.people import Person, assert_problem
from tests.bucket.stores import RawRequest, send_raw
from tests.plugins.clamd import EICAR, SIGNATURE, ClamdServer
from tests.support import archives
from tests.support.builders import MIB
from tests.support.heads import ELF, HTML, PDF, PE, SVG
from tests.unit.inspection.test_images import gif, lossless, png
from uploads.s3.bucket import Bucket
from uploads.states import State

ZIP = "application/zip"
BYTES = "application/octet-stream"

REFUSED: dict[str, tuple[bytes, str, str, str]] = {
    "EICAR": (EICAR, "eicar.txt", "text/plain", SIGNATURE),
    "EICAR as bytes": (EICAR, "eicar.com", BYTES, SIGNATURE),
    "EICAR in a ZIP archive": (
        archives.packed(("eicar.txt", EICAR)),
        "a.zip",
        ZIP,
        SIGNATURE,
    ),
    "EICAR in a ZIP archive in another": (
        archives.packed(("b.txt", b"b"), ("a.zip", archives.packed(("x", EICAR)))),
        "a.zip",
        ZIP,
        SIGNATURE,
    ),
    "EICAR in gzip": (gzip.compress(EICAR), "a.gz", "application/gzip", SIGNATURE),
    "a GIF that is a page": (gif(1, 1) + HTML, "a.gif", "image/gif", "web page"),
    "an SVG with a script, as a picture": (SVG, "a.png", "image/png", "SVG"),
    "HTML as a film": (HTML, "a.mp4", "video/mp4", "web page"),
    "HTML declared as a picture": (HTML, "a.txt", "image/png", "web page"),
    "a program as a document": (PE, "a.pdf", "application/pdf", "Windows program"),
    "a program as a picture, as bytes": (ELF, "a.jpg", BYTES, "Linux program"),
    "a PDF with two endings": (PDF, "a.pdf.exe", "application/pdf", ".pdf.exe"),
    "a PDF with a hidden ending": (PDF, "a.pdf.\u200bhta", BYTES, ".pdf.hta"),
    "a ZIP bomb": (archives.bomb(), "a.zip", ZIP, "200 MB"),
    "a ZIP bomb, overlapping": (archives.overlapping(), "a.zip", ZIP, "fill a disk"),
    "42 deep, stored": (
        archives.nested(42, compression=zipfile.ZIP_STORED),
        "a.zip",
        ZIP,
        "16 levels",
    ),
    "42 deep, deflated": (
        archives.nested(42, compression=zipfile.ZIP_DEFLATED),
        "a.zip",
        ZIP,
        "16 levels",
    ),
    "an image of 65,000 x 65,000": (
        png(65_000, 65_000),
        "a.png",
        "image/png",
        "megapixels",
    ),
    "a bomb with a false end": (
        archives.raw(
            archives.Raw(b"bomb", bytes(120_000_000), method=8), comment=b"PK\x05\x06"
        ),
        "a.zip",
        ZIP,
        "fill a disk",
    ),
    "a gzip bomb with zeros after it": (
        gzip.compress(bytes(120_000_000)) + bytes(4),
        "a.gz",
        "application/gzip",
        "fill a disk",
    ),
    "a link that leads outside": (archives.with_symlink(), "a.zip", ZIP, "outside"),
}


def test_harmful_file_is_rejected_deleted_and_not_served(
    alice: Person, seaweed_bucket: Bucket, subtests: pytest.Subtests
) -> None:
    for name, (content, filename, content_type, words) in REFUSED.items():
        with subtests.test(name=name):
            started = alice.upload(
                content, filename=filename, content_type=content_type
            )
            received = alice.call("GET", f"/uploads/{started.id}").json()
            assert received["state"] == "rejected"
            assert words in received["rejected_reason"]
            for query in ("", "?inline=1"):
                answer = alice.call("GET", f"/uploads/{started.id}/download{query}")
                assert_problem(answer, 409, "invalid_state")
            assert seaweed_bucket.head_object(started.row.key) is None
            assert alice.call("GET", "/me").json()["quota"]["used_bytes"] == 0


ACCEPTED: dict[str, tuple[bytes, str, str]] = {
    "words": (b"hello", "a.txt", "text/plain"),
    "nothing": (b"", "a.txt", "text/plain"),
    "a picture": (png(640, 480), "a.png", "image/png"),
    "a document": (
        archives.document(),
        "a.docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    "an archive": (archives.packed(("a", b"a"), ("b/c", b"c")), "a.zip", ZIP),
    "an empty archive": (archives.packed(), "a.zip", ZIP),
    "a truncated archive": (
        archives.packed(("a", bytes(range(256)) * 50))[:200],
        "a.zip",
        ZIP,
    ),
    "an archive of one archive": (
        archives.packed(("a.jar", archives.packed(("A.class", b"a")))),
        "a.zip",
        ZIP,
    ),
}


def test_harmless_file_is_accepted_and_downloaded_unchanged(
    alice: Person, subtests: pytest.Subtests
) -> None:
    for name, (content, filename, content_type) in ACCEPTED.items():
        with subtests.test(name=name):
            started = alice.upload(
                content, filename=filename, content_type=content_type
            )
            assert started.row.state == State.READY, started.row.rejected_reason
            answer = alice.download(started)
            assert (answer.status, answer.body) == (200, content)
            assert answer.headers["Content-Disposition"].startswith("attachment")


ONLY_A_DOWNLOAD = {
    "an SVG with a script": (SVG, "a.svg", BYTES),
    "an SVG that says so": (SVG, "a.svg", "image/svg+xml"),
    "a page": (HTML, "a.html", BYTES),
    "a page that says so": (HTML, "a.html", "text/html"),
    "a page as text": (HTML, "a.txt", "text/plain"),
    "an SVG as text": (SVG, "a.txt", "text/plain"),
    "a script": (b"#!/bin/sh\necho hello\n", "run.sh", "application/x-sh"),
    "a batch file": (b"@echo off\r\n", "run.bat", "text/plain"),
    "a program": (PE, "setup.exe", "application/x-msdownload"),
    "a sheet that is a page": (HTML, "a.xls", "application/vnd.ms-excel"),
}


@pytest.mark.parametrize(
    ("content", "filename", "content_type"),
    ONLY_A_DOWNLOAD.values(),
    ids=ONLY_A_DOWNLOAD.keys(),
)
def test_runnable_file_is_served_as_octet_stream_download(
    alice: Person,
    seaweed_bucket: Bucket,
    content: bytes,
    filename: str,
    content_type: str,
) -> None:
    started = alice.upload(content, filename=filename, content_type=content_type)
    assert started.row.state == State.READY

    for query in ("", "?inline=1"):
        answer = alice.download(started, query)
        assert answer.headers["Content-Type"] == BYTES
        assert answer.headers["Content-Disposition"].startswith("attachment")


OTHERWISE_NAMED = {
    "a WebP picture named .jpg": (
        lossless(640, 480),
        "a.jpg",
        "image/jpeg",
        "image/webp",
    ),
    "a PDF named .jpg": (PDF, "a.jpg", "image/jpeg", "application/pdf"),
    "a picture declared as bytes": (png(5, 5), "a", BYTES, "image/png"),
}


@pytest.mark.parametrize(
    ("content", "filename", "content_type", "detected"),
    OTHERWISE_NAMED.values(),
    ids=OTHERWISE_NAMED.keys(),
)
def test_wrong_name_or_type_is_noted_and_the_detected_type_served(
    alice: Person, content: bytes, filename: str, content_type: str, detected: str
) -> None:
    started = alice.upload(content, filename=filename, content_type=content_type)

    received = alice.call("GET", f"/uploads/{started.id}").json()
    assert (received["state"], received["detected_type"]) == ("ready", detected)
    assert received["content_type"] == content_type
    if filename == "a.jpg":
        assert received["note"].startswith("The name ends in .jpg, but the file is a ")
    assert alice.download(started).headers["Content-Type"] == detected


def test_rename_cannot_bypass_the_comparison_of_name_and_content(alice: Person) -> None:
    started = alice.upload(PE, filename="a.exe", content_type=BYTES)

    for name in ("a.pdf", "a.jpg", "a.txt", "a.pdf.exe", "a.zip"):
        answer = alice.call("PATCH", f"/uploads/{started.id}", {"filename": name})
        received = assert_problem(answer, 422, "invalid_request")
        assert "filename" in received["errors"]
    page = alice.browser.post(
        f"/uploads/{started.id}/rename/", {"filename": "a.pdf"}, follow=True
    )
    assert "ends in .pdf" in page.content.decode()
    assert started.row.filename == "a.exe"


def test_large_object_is_scanned_to_its_end(alice: Person, clamd: ClamdServer) -> None:
    content = bytes(range(256)) * (9 * MIB // 256) + EICAR

    started = alice.upload(content, filename="a.bin", content_type=BYTES)

    assert SIGNATURE in started.row.rejected_reason


def test_clamd_is_reachable_over_tcp(
    alice: Person, clamd: ClamdServer, settings: Any
) -> None:
    settings.INSPECTORS = [
        {
            "NAME": "uploads.inspection.antivirus.ClamAVInspector",
            "OPTIONS": {"url": clamd.tcp_url},
        }
    ]

    assert alice.upload(EICAR).row.state == State.REJECTED
    assert alice.upload(b"hello").row.state == State.READY


def test_archive_deeper_than_clamds_limit_is_rejected(
    alice: Person, clamd: ClamdServer
) -> None:
    # The archive exceeds clamd's limit for nesting. clamd reports this, because
    # AlertExceedsMax is on.
    content = EICAR
    for level in range(25):
        content = archives.packed(("a.gz", gzip.compress(content)), (f"{level}", b"x"))

    started = alice.upload(content, filename="a.zip", content_type=ZIP)

    assert started.row.state == State.REJECTED


def test_quarantined_file_is_kept_and_cannot_be_downloaded(
    alice: Person, seaweed_bucket: Bucket, settings: Any
) -> None:
    prefix = settings.UPLOADS["KEY_PREFIX"].replace("/", "-") + "quarantine/"
    settings.UPLOADS = {**settings.UPLOADS, "QUARANTINE_PREFIX": prefix}
    started = alice.upload(EICAR, filename="eicar.txt")
    row = started.row

    assert row.state == State.REJECTED
    assert row.quarantine_key.startswith(prefix)
    assert seaweed_bucket.head_object(row.key) is None
    assert seaweed_bucket.read_range(row.quarantine_key, 0, 1000) == EICAR
    answer = alice.call("GET", f"/uploads/{started.id}/download")
    assert_problem(answer, 409, "invalid_state")
    # The upload's URL cannot write or read the quarantined object.
    raw_request = started.raw_request(EICAR)
    changed = raw_request.url.replace(row.key, row.quarantine_key)
    assert (
        send_raw(RawRequest("PUT", changed, raw_request.headers, EICAR)).status == 403
    )
    assert send_raw(RawRequest("GET", changed, {})).status == 403

    root = Person(type(alice.user).objects.create_superuser("root"))  # type: ignore[union-attr]
    root.browser.post(
        "/admin/uploads/upload/",
        {"action": "purge_again", "_selected_action": str(row.pk)},
    )

    assert seaweed_bucket.head_object(row.quarantine_key) is None
    assert started.row.quarantine_key == ""
