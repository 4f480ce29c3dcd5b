"""Content that a browser might run, under the name of a harmless type."""

from __future__ import annotations

import base64
import io
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.attacks.people import Person, assert_problem, declaration
from uploads.inspection.content_types import ACTIVE_CONTENT_TYPES
from uploads.s3.bucket import Bucket
from uploads.states import State

if TYPE_CHECKING:
    from pytest_django import Settings

BYTES = "application/octet-stream"
SCRIPT = b"<script>alert(document.domain)</script>"
HTML = b"<!doctype html><html><body>" + SCRIPT + b"</body></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
GIF = b"GIF89a\x01\x00\x01\x00\x80\x00\x00"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x00\x00\x00\x01" * 2 + bytes(9)


def archive(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr(name, content)
    return packed.getvalue()


PROGRAM = b"MZ\x90\x00" + bytes(60)

# Content, filename and declared type. The site refuses all of these files, to protect
# people who download them.
DISGUISES = {
    "html as png": (HTML, "evil.png", "image/png"),
    "html declared as png": (HTML, "evil", "image/png"),
    "html in capitals as a film": (HTML.upper(), "evil.mp4", BYTES),
    "html after a byte order mark": (b"\xef\xbb\xbf" + HTML, "evil.gif", BYTES),
    "html in UTF-16": (HTML.decode().encode("utf-16"), "evil.jpg", BYTES),
    "html in big-endian UTF-16": (
        b"\xfe\xff" + HTML.decode().encode("utf-16-be"),
        "evil.mp3",
        "audio/mpeg",
    ),
    "html after spaces": (b" \r\n\t\x0c" * 200 + HTML, "evil.png", BYTES),
    "html after a comment": (
        b"<!-- " + b"x" * 500 + b" -->" + SCRIPT,
        "evil.webp",
        BYTES,
    ),
    "html after a word": (b"hello " + SCRIPT, "evil.png", BYTES),
    "script with a slash": (b"<script/src=//evil.example>", "evil.png", BYTES),
    "iframe alone": (b"<iframe srcdoc='x'>", "evil", "image/gif"),
    "xhtml": (
        b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>',
        "evil.jpg",
        "image/jpeg",
    ),
    "a style sheet that runs": (
        b'<?xml version="1.0"?><?xml-stylesheet href="evil.xsl"?><a/>',
        "evil.png",
        BYTES,
    ),
    "svg with a handler as png": (SVG, "evil.png", "image/png"),
    "svg with a slash": (b"<svg/onload=alert(1)>", "evil.webp", "image/webp"),
    "svg under another prefix": (
        b'<s:svg xmlns:s="http://www.w3.org/2000/svg"><s:script/></s:svg>',
        "evil.png",
        "image/png",
    ),
    "svg in UTF-16": (SVG.decode().encode("utf-16"), "evil.gif", "image/gif"),
    "a script that begins like a GIF": (
        b"GIF89a/*x*/=1;alert(1)//",
        "evil.gif",
        "image/gif",
    ),
    "a page that begins like a bitmap": (
        b"BM<script>alert(1)</script>",
        "evil.bmp",
        "image/bmp",
    ),
    "a windows program as a picture": (PROGRAM, "evil.png", "image/png"),
    "a windows program as a document": (PROGRAM, "evil.doc", "application/msword"),
    "a windows program as a text": (PROGRAM, "evil.txt", BYTES),
    "a windows program as an archive": (PROGRAM, "evil.zip", BYTES),
    "a windows program after spaces": (PROGRAM, "evil.pdf      .exe", BYTES),
    "a windows program with two endings": (PROGRAM, "evil.pdf.exe", BYTES),
    "a linux program as a film": (
        b"\x7fELF\x02\x01" + bytes(10),
        "evil.mp4",
        "video/mp4",
    ),
    "a java program as an archive": (
        b"\xca\xfe\xba\xbe\x00\x00\x004",
        "evil.zip",
        "application/zip",
    ),
    "a shortcut as a document": (
        b"L\x00\x00\x00\x01\x14\x02\x00" + bytes(60),
        "evil.pdf",
        "application/pdf",
    ),
    "words that run": (b"hello", "evil.docx.js", BYTES),
    "a link with two endings": (b"[InternetShortcut]\n", "evil.jpg.url", BYTES),
    "a shell script as a picture": (b"#!/bin/sh\nrm -rf /\n", "evil.jpg", BYTES),
    "php as a picture": (b"<?php system($_GET[0]); ?>", "evil.jpg", "image/jpeg"),
    "page in a GIF": (GIF + SCRIPT, "evil.gif", "image/gif"),
    "page in a PNG": (PNG + HTML, "evil.png", "image/png"),
}


def test_disguised_content_is_rejected_and_deleted(
    alice: Person, subtests: pytest.Subtests
) -> None:
    for name, (content, filename, content_type) in DISGUISES.items():
        with subtests.test(name=name):
            started = alice.upload(
                content, content_type=content_type, filename=filename
            )
            assert started.row.state == State.REJECTED
            answer = alice.call("GET", f"/uploads/{started.id}/download")
            assert_problem(answer, 409, "invalid_state")
            assert alice.call("GET", "/me").json()["quota"]["used_bytes"] == 0


def test_disguise_in_the_first_bytes_is_refused_at_the_start(
    alice: Person, subtests: pytest.Subtests
) -> None:
    for name, (content, filename, content_type) in DISGUISES.items():
        # Only the inspection of the object searches images for the tags of a page.
        if name.startswith("page in a"):
            continue
        with subtests.test(name=name):
            body = declaration(content, content_type=content_type, filename=filename)
            body["head"] = base64.b64encode(content[:4096]).decode()
            answer = alice.call("POST", "/uploads", body)
            assert_problem(answer, 422, "invalid_request")
            assert alice.call("GET", "/me").json()["quota"]["reserved_bytes"] == 0


HARMLESS_AS_A_DOWNLOAD = {
    "page as bytes": (HTML, "application/octet-stream", "evil.html"),
    "script as bytes": (SVG, "application/octet-stream", "evil.svg"),
    "UTF-7": (b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-", "text/plain", "evil.txt"),
    "UTF-16 without a mark": (
        HTML.decode().encode("utf-16-le"),
        "text/plain",
        "evil.txt",
    ),
    "mhtml": (
        b"MIME-Version: 1.0\nContent-Type: multipart/related\n\n",
        "text/plain",
        "evil.txt",
    ),
    "page after a long run of spaces": (b" " * 5000 + HTML, "text/plain", "evil"),
    "page after a word": (b"hello " + SCRIPT, "text/plain", "evil.csv"),
    "page far back in a GIF": (GIF + bytes(5000) + SCRIPT, "image/gif", "evil.gif"),
    "page far back in a PNG": (PNG + bytes(5000) + HTML, "image/png", "evil.png"),
    "a Java archive": (
        archive("META-INF/MANIFEST.MF", b"x"),
        "application/java-archive",
        "evil.jar",
    ),
    "an empty page": (b"", "image/png", "evil.html"),
    "a PDF with a script": (
        b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>",
        "application/pdf",
        "evil.pdf",
    ),
}


def test_accepted_file_is_served_only_as_download_or_picture(
    alice: Person, subtests: pytest.Subtests
) -> None:
    # No table of signatures is complete, so the headers of the download must also
    # protect people.
    for name, (content, content_type, filename) in HARMLESS_AS_A_DOWNLOAD.items():
        with subtests.test(name=name):
            started = alice.upload(
                content, content_type=content_type, filename=filename
            )
            assert started.row.state == State.READY
            is_picture = content_type in {"image/gif", "image/png"} and content
            for query in ("", "?inline=1"):
                answer = alice.download(started, query)
                assert answer.status == 200
                served = answer.headers["Content-Type"]
                assert served in {content_type, BYTES, "application/zip"}
                shown = bool(is_picture and query)
                assert answer.headers["Content-Disposition"].startswith(
                    "inline;" if shown else "attachment;"
                )
                assert answer.headers["Cache-Control"] == "private"


def test_runnable_type_is_stored_and_served_as_octet_stream(
    alice: Person, seaweed_bucket: Bucket, subtests: pytest.Subtests
) -> None:
    # Test with the policy */*, because many operators use it.
    assert {"text/html", "image/svg+xml", "text/javascript"} <= ACTIVE_CONTENT_TYPES
    for content_type in sorted(ACTIVE_CONTENT_TYPES):
        with subtests.test(content_type=content_type):
            started = alice.upload(HTML, content_type=content_type, filename="evil")
            facts = seaweed_bucket.head_object(started.row.key)
            assert started.row.state == State.READY, started.row.rejected_reason
            assert facts is not None
            assert facts.content_type == BYTES
            for query in ("", "?inline=1"):
                answer = alice.download(started, query)
                assert answer.headers["Content-Type"] == BYTES
                assert answer.headers["Content-Disposition"].startswith("attachment;")


def test_malformed_content_type_is_refused(
    alice: Person, subtests: pytest.Subtests
) -> None:
    # The type becomes a signed header, which all programs must interpret in the same
    # way.
    for content_type in (
        "",
        "*/*",
        "image/*",
        "text/HTML",
        "TEXT/html",
        "text/html;x=image/png",
        "text/html ",
        "text/plain\n",
        "text/plain\r\nX-Evil: 1",
        "image/png, text/html",
        "text//html",
        "text",
        "a/" + "b" * 64,
        "text/plain\x00",
        "t\u0435xt/html",  # the second letter is Cyrillic
        ["text/plain"],
        None,
    ):
        with subtests.test(content_type=content_type):
            body = declaration(b"x", content_type=content_type)
            assert_problem(alice.call("POST", "/uploads", body), 422, "invalid_request")


def test_runnable_type_in_the_policy_is_served_as_download(
    alice: Person, settings: Settings
) -> None:
    # An operator may allow web pages. Browsers must still not open them.
    settings.UPLOADS = {**settings.UPLOADS, "ALLOWED_CONTENT_TYPES": ["text/html"]}
    started = alice.upload(HTML, content_type="text/html", filename="page.html")

    for query in ("", "?inline=1"):
        disposition = alice.download(started, query).headers["Content-Disposition"]
        assert disposition.startswith("attachment;")


def test_inline_request_for_a_file_that_is_no_image_is_recorded_as_download(
    alice: Person,
) -> None:
    # Otherwise a person could download a whole file with inline=1, and the trail would
    # record a preview.
    started = alice.upload()

    alice.download(started, "?inline=1")

    kinds = list(started.row.events.order_by("pk").values_list("kind", flat=True))
    assert kinds[-1] == "upload.downloaded"
