"""The first bytes against the declared type."""

from __future__ import annotations

import struct
import zlib

import pytest

from uploads.inspection.declared_type import DeclaredTypeInspector
from uploads.inspection.signatures import MAGIC, detect_type
from uploads.inspection.verdicts import Sample, Verdict

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + bytes(13)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"
GIF = b"GIF89a\x01\x00\x01\x00\x80\x00\x00"
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
ZIP = b"PK\x03\x04\x14\x00\x00\x00\x08\x00"
EXE = b"MZ\x90\x00\x03\x00\x00\x00" + bytes(56)
ELF = b"\x7fELF\x02\x01\x01\x00" + bytes(8)
MP4 = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00"
WEBM = b"\x1aE\xdf\xa3\x01\x00\x00\x00"
SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>'
HTML = b"<!DOCTYPE html><html><body>hello</body></html>"


def inspect(content: bytes, content_type: str, filename: str = "file") -> Verdict:
    return DeclaredTypeInspector().inspect(
        Sample(
            filename=filename,
            content_type=content_type,
            byte_size=len(content),
            read=lambda start, length: content[start : start + length],
        )
    )


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (PNG, "image/png"),
        (JPEG, "image/png"),  # the family agrees; what it is, is recorded
        (JPEG, "image/jpg"),
        (GIF, "image/gif"),
        (PDF, "application/pdf"),
        (ZIP, "application/zip"),
        (ZIP, "application/x-zip-compressed"),
        (
            ZIP,
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        (MP4, "video/mp4"),
        (WEBM, "video/webm"),
        (b"plain words", "text/plain"),
        (b"BMW, Audi and MZ motorcycles", "text/plain"),
        (b"MZ is how this sentence begins", "text/plain"),
        (b"a,b\n1,2\n", "text/csv"),
        (b'<p align="center">readme</p>', "text/markdown"),
        (b"#!/bin/sh\necho hello\n", "text/x-sh"),
        (b'{"a": 1}', "application/json"),
        (b"", "image/png"),
        (EXE, "application/octet-stream"),
        (HTML, "application/octet-stream"),
        (EXE, "application/x-msdownload"),
        (b"\x00\x01\x02", "application/x-unheard-of"),
        (HTML, "text/html"),
        (SVG, "image/svg+xml"),
    ],
)
def test_content_that_agrees_is_accepted(content: bytes, content_type: str) -> None:
    assert inspect(content, content_type).accepted


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (EXE, "image/png"),
        (EXE, "text/plain"),
        (EXE, "application/pdf"),
        (EXE, "application/vnd.ms-excel"),
        (ELF, "video/mp4"),
        (HTML, "image/png"),
        (HTML, "text/plain"),
        (HTML, "application/pdf"),
        (b"\xef\xbb\xbf \n" + HTML, "text/plain"),
        (HTML.decode().encode("utf-16"), "text/plain"),
        (b"<!-- hello --><sCript>alert(1)</sCript>", "image/gif"),
        (SVG, "image/png"),
        (SVG, "text/plain"),
        (b"<?php system($_GET[0]); ?>", "image/jpeg"),
        (b"#!/bin/sh\nrm -rf /\n", "image/png"),
        (PDF, "image/png"),
        (PNG, "application/pdf"),
        (b"just words", "image/png"),
        (b"just words", "application/pdf"),
        (b"GIF89a/*\n*/=1;alert(1)//", "image/gif"),
        (PNG, "text/plain"),
    ],
)
def test_content_in_disguise_is_refused(content: bytes, content_type: str) -> None:
    verdict = inspect(content, content_type)

    assert not verdict.accepted
    assert content_type in verdict.reason


def test_what_was_detected_is_told() -> None:
    assert inspect(JPEG, "image/png").detected_type == "image/jpeg"


def test_no_more_than_the_head_is_read() -> None:
    asked: list[tuple[int, int]] = []

    def read(start: int, length: int) -> bytes:
        asked.append((start, length))
        return PNG

    DeclaredTypeInspector().inspect(
        Sample(filename="a.png", content_type="image/png", byte_size=10**12, read=read)
    )

    assert asked == [(0, 4096)]


@pytest.mark.parametrize(("start", "magic", "content_type"), MAGIC)
def test_each_signature_of_the_table_is_found(
    start: int, magic: bytes, content_type: str
) -> None:
    content = bytes(start) + magic + bytes(range(256))

    assert detect_type(content) == content_type


def test_random_bytes_are_nothing_in_particular() -> None:
    noise = zlib.compress(bytes(5000))[2:]

    assert detect_type(noise) == ""
