"""Extensions against declared types and first bytes: ordinary files pass, disguises not."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.inspectors import sample_of
from tests.unit.inspection.test_declared_type import (
    ELF,
    EXE,
    GIF,
    HTML,
    JPEG,
    MP4,
    PDF,
    PNG,
    SVG,
    WEBM,
    ZIP,
)
from uploads.inspection import libmagic
from uploads.inspection.declared_type import DeclaredTypeInspector
from uploads.inspection.extensions import ExtensionInspector, extension_of

BYTES = "application/octet-stream"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)
GZIP = b"\x1f\x8b\x08\x00" + bytes(16)
HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00"
HEVC = b"\x00\x00\x00\x18ftyphevc\x00\x00\x00\x00"
TIFF = b"II*\x00" + bytes(60)
WORDS = b"just words"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ODT = "application/vnd.oasis.opendocument.text"

# Name, type as browsers on Linux, macOS and Windows give it, content.
ORDINARY = [
    ("photo.jpg", "image/jpeg", JPEG),
    ("photo.JPG", "image/jpeg", JPEG),
    ("photo.jpeg", "image/png", PNG),  # renamed by hand: still a picture
    ("photo.jpg", "image/jpeg", PNG),
    ("photo.heic", "image/heic", HEIC),
    ("photo.heic", BYTES, HEVC),
    ("photo.heic", "image/jpeg", JPEG),
    ("photo.dng", "image/x-adobe-dng", TIFF),
    ("photo.CR2", BYTES, TIFF),
    ("anim.gif", "image/gif", GIF),
    ("film.mp4", "video/mp4", MP4),
    ("film.mov", "video/quicktime", MP4),
    ("sound.m4a", "audio/x-m4a", MP4),
    ("talk.webm", "audio/webm", WEBM),
    ("paper.pdf", "application/pdf", PDF),
    ("drawing.ai", "application/postscript", PDF),
    ("letter.docx", WORD, ZIP),
    ("letter.docx", BYTES, OLE),  # with a password
    ("letter.doc", "application/msword", OLE),
    ("letter.doc", "application/msword", b"{\\rtf1 x}"),
    ("sheet.xlsx", EXCEL, ZIP),
    ("sheet.xls", "application/vnd.ms-excel", OLE),
    ("export.xls", "application/vnd.ms-excel", b"a;b\n1;2\n"),
    ("text.odt", ODT, ZIP),
    ("book.epub", "application/epub+zip", ZIP),
    ("app.jar", "application/java-archive", ZIP),
    ("app.apk", "application/vnd.android.package-archive", ZIP),
    ("all.zip", "application/zip", ZIP),
    ("all.zip", "application/x-zip-compressed", ZIP),
    ("all.tar.gz", "application/gzip", GZIP),
    ("all.tar.gz", "application/x-compressed-tar", GZIP),
    ("all.tgz", "application/x-gzip", GZIP),
    ("part.7z.001", BYTES, b"7z\xbc\xaf\x27\x1c" + bytes(20)),
    ("disk.iso", "application/x-cd-image", bytes(64)),
    ("setup.exe", "application/x-msdownload", EXE),
    ("setup.exe", "application/x-msdos-program", EXE),
    ("setup.exe", BYTES, EXE),
    ("setup.msi", "application/x-msi", OLE),
    ("tool", BYTES, ELF),
    ("tool", "application/x-executable", ELF),
    ("library.dll", BYTES, EXE),
    ("run.bat", "application/x-bat", b"@echo off\r\n"),
    ("run.bat", BYTES, b"@echo off\r\n"),
    ("run.ps1", "application/x-powershell", b"Write-Host 1\n"),
    ("run.sh", "application/x-shellscript", b"#!/bin/sh\n"),
    ("run.sh", "text/x-sh", b"#!/bin/sh\n"),
    ("app.py", "text/x-python", b"import os\n"),
    ("site.html", BYTES, HTML),
    ("site.html", "text/html", HTML),
    ("logo.svg", BYTES, SVG),
    ("logo.svg", "image/svg+xml", SVG),
    ("main.js", BYTES, b"let a = 1;\n"),
    ("main.js", "text/javascript", b"let a = 1;\n"),
    ("mail.eml", "message/rfc822", b"From: a@example.com\n\nhello"),
    ("page.mhtml", "multipart/related", b"MIME-Version: 1.0\n\n"),
    ("feed.xml", "text/xml", b"<?xml version='1.0'?><a/>"),
    ("notes.txt", "text/plain", WORDS),
    ("notes.md", "text/markdown", b"# Title\n"),
    ("notes.md", BYTES, HTML),
    ("script.txt", BYTES, b"#!/bin/sh\n"),
    ("data.csv", "text/csv", b"a,b\n"),
    ("data.csv", "application/vnd.ms-excel", b"a,b\n"),  # Windows with Excel
    ("data.json", "application/json", b"{}"),
    ("server.log", "text/x-log", WORDS),
    ("server.log.1", BYTES, WORDS),
    ("server.log.2.gz", "application/gzip", GZIP),
    ("Makefile", "text/x-makefile", b"all:\n"),
    ("README", BYTES, WORDS),
    (".gitignore", BYTES, b"*.pyc\n"),
    ("no.such.extension", BYTES, PDF),
    ("2024.06.31 report", "application/pdf", PDF),
    ("movie.mp4", BYTES, bytes(range(256))),
    ("empty.exe", BYTES, b""),
    ("Привет.docx", WORD, ZIP),
]


@pytest.mark.parametrize(("filename", "content_type", "content"), ORDINARY)
def test_ordinary_files_pass(filename: str, content_type: str, content: bytes) -> None:
    sample = sample_of(content, content_type, filename)

    verdict = ExtensionInspector().inspect(sample)

    assert verdict.accepted, verdict.reason
    assert DeclaredTypeInspector().inspect(sample).accepted


DISGUISES = [
    ("invoice.exe", "application/pdf", PDF),  # a PDF with a wrong extension
    ("invoice.exe", BYTES, PDF),
    ("invoice.pdf.exe", "application/pdf", PDF),
    ("invoice.jpg", "application/pdf", PDF),
    ("invoice.jpg", BYTES, PDF),
    ("invoice.docx", "application/pdf", PDF),
    ("invoice.pdf", BYTES, EXE),
    ("invoice.pdf", BYTES, ZIP),
    ("invoice.pdf", BYTES, HTML),
    ("photo.jpg", BYTES, EXE),
    ("photo.jpg", BYTES, SVG),
    ("photo.png", BYTES, ZIP),
    ("photo.SCR", "image/jpeg", JPEG),
    ("photo.jpg.lnk", "image/jpeg", JPEG),
    ("notes.html", "text/plain", WORDS),
    ("notes.hta", "text/plain", WORDS),
    ("notes.js", "text/plain", WORDS),
    ("notes.svg", "image/png", PNG),
    ("notes.bat", "text/plain", b"del *.*"),
    ("notes.vbs", "text/csv", WORDS),
    ("notes.url", "text/plain", b"[InternetShortcut]\n"),
    ("notes.txt", BYTES, EXE),
    ("data.csv", BYTES, ELF),
    ("film.mp4", BYTES, EXE),
    ("sheet.xlsx", BYTES, EXE),
    ("all.7z", BYTES, EXE),
    ("page.html", BYTES, PNG),
]


@pytest.mark.parametrize(("filename", "content_type", "content"), DISGUISES)
def test_a_name_that_deceives_is_refused(
    filename: str, content_type: str, content: bytes
) -> None:
    verdict = ExtensionInspector().inspect(sample_of(content, content_type, filename))

    assert not verdict.accepted
    assert f".{extension_of(filename)}" in verdict.reason


@pytest.mark.parametrize(
    ("filename", "extension"),
    [
        ("a.PDF", "pdf"),
        ("a.tar.gz", "gz"),
        ("a", ""),
        (".profile", ""),
        ("a.", ""),
        ("a. exe", "exe"),
    ],
)
def test_the_extension_is_what_is_behind_the_last_dot(
    filename: str, extension: str
) -> None:
    assert extension_of(filename) == extension


# python-magic, where there is one


@pytest.fixture
def magic(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Stand in for python-magic; its answer can be set."""
    fake = SimpleNamespace(answer="text/plain")
    fake.from_buffer = lambda head, mime: fake.answer
    monkeypatch.setitem(sys.modules, "magic", fake)
    libmagic._library.cache_clear()
    yield fake
    libmagic._library.cache_clear()


@pytest.mark.parametrize("answer", ["application/x-dosexec", "text/x-php"])
def test_a_program_that_only_libmagic_knows_is_refused(magic: Any, answer: str) -> None:
    magic.answer = answer

    verdict = DeclaredTypeInspector().inspect(sample_of(WORDS, "text/plain"))

    assert not verdict.accepted


@pytest.mark.parametrize("answer", ["text/x-c", "text/html", "application/csv"])
def test_what_libmagic_says_of_texts_is_not_believed(magic: Any, answer: str) -> None:
    magic.answer = answer

    assert DeclaredTypeInspector().inspect(sample_of(WORDS, "text/plain")).accepted


def test_without_libmagic_the_own_table_is_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "magic", None)
    libmagic._library.cache_clear()

    assert libmagic.detect_program(EXE) == ""
    assert not DeclaredTypeInspector().inspect(sample_of(EXE, "text/plain")).accepted

    libmagic._library.cache_clear()
