"""Test the types that first bytes show, and the types of stored and served files."""

from __future__ import annotations

import zlib

import pytest

from tests.support import heads
from tests.support.inspectors import sample_of
from uploads.inspection.content_types import (
    ACTIVE_CONTENT_TYPES,
    family_of,
    served_type,
    stored_type,
)
from uploads.inspection.detection import detect_type
from uploads.inspection.detector import Detector
from uploads.inspection.verdicts import Sample, detect_in_advance

BYTES = "application/octet-stream"
MIXED = [heads.PNG, b"", heads.PDF, heads.PE, b"a text", b"<html>", bytes(5000), b"a"]


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (heads.PNG, "image/png"),
        (heads.JPEG, "image/jpeg"),
        (heads.GIF, "image/gif"),
        (heads.WEBP, "image/webp"),
        (heads.HEIC, "image/heic"),
        (heads.TIFF, "image/tiff"),
        (heads.PDF, "application/pdf"),
        (heads.ZIP, "application/zip"),
        (heads.GZIP, "application/gzip"),
        (heads.MP4, "video/mp4"),
        (heads.WEBM, "video/webm"),
        (heads.PE, "application/vnd.microsoft.portable-executable"),
        (heads.ELF, "application/x-elf"),
        (heads.MACH_O, "application/x-mach-binary"),
        (heads.FAT_MACH_O, "application/x-mach-binary"),
        (heads.JAVA_CLASS, "application/java-vm"),
        (heads.HTML, "text/html"),
        (heads.SVG, "image/svg+xml"),
        (heads.SHELL, "text/x-shellscript"),
        (heads.PHP, "application/x-httpd-php"),
        (heads.WORDS, "text/plain"),
        (b"{\\rtf1\\ansi Hello}", "application/rtf"),
        (b"%!PS-Adobe-3.0\n", "application/postscript"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00", "audio/wav"),
        (b"fLaC\x00\x00\x00\x22", "audio/flac"),
        (b"OggS\x00\x02" + bytes(20) + b"\x01\x1e\x01vorbis", "audio/ogg"),
        (b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(24), "application/x-7z-compressed"),
        (b"ID3\x04\x00\x00\x00\x00\x031TIT2\x00", "audio/mpeg"),
        (b"RIFX\x00\x00\x00\x24WAVEfmt \x00\x00\x00\x10", "audio/wav"),
        (b"dns.\x38\x0c\x00\x00" + b"\xff" * 8, "audio/basic"),
        (b"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01", "image/x-canon-cr3"),
        (b"IIU\x00\x18\x00\x00\x00\x88\xe7", "image/x-panasonic-rw2"),
        (b"\x00\x00\x00\x08wide\x00\x00\x01\xfcmdat", "video/quicktime"),
        (b"\x00\x00\x00\x08free" + bytes(8), "video/quicktime"),
        (b"II+\x00\x08\x00\x00\x00\x10" + bytes(40), "image/tiff"),
        (b"\n", "text/plain"),
        (b"From: a@example.org\nSubject: b\n\nhello\n", "text/plain"),
        ("a few words\r\n".encode("utf-16"), "text/plain"),
        ("a few words\r\n".encode("utf-16-le"), "text/plain"),
        ("ein Wort mit \u00e4\r\n".encode("utf-16-be"), "text/plain"),
        ("a few words\r\n".encode("utf-32"), "text/plain"),
        ("a few words\r\n".encode("utf-32-le"), "text/plain"),
        ("a few words\r\n".encode("utf-32-be"), "text/plain"),
        ("Date,Bid,Ask\r\n".encode("utf-32-be"), "text/plain"),
        ("\ud55c\uad6d\uc5b4 words\n".encode("iso-2022-kr"), "text/plain"),
        ("\u65e5\u672c\u8a9e words\n".encode("iso-2022-jp"), "text/plain"),
        # libmagic reports these files as a program, subtitles of a film, and Ruby.
        ("\u039c\u03b9\u03b1 words ".encode("iso-8859-7"), "text/plain"),
        (b"\xb8\xed\xe1\xf2 " * 9, "text/plain"),
        (b"\xef\xbb\xbf1\n00:00:01,000 --> 00:00:02,000\nHi\n", "text/plain"),
        (b"# Title\n\n    require 'a'\n    def b\n    end\n", "text/plain"),
        (b"junk\x00\n%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "application/pdf"),
        (b"\x09\x02\x06\x00\x00\x00\x10\x00\xf2\x15", "application/vnd.ms-excel"),
        (b"\x09\x04\x06\x00\x00\x00\x10\x00\xf2\x15", "application/vnd.ms-excel"),
        (b"\xb8\x01\x4c\xcd\x21" + bytes(range(200)), ""),
        (b"P3\n# a comment\n2 1\n255\n0 0 0 255 255 255\n", "image/x-portable-anymap"),
        (b"P3 is the third platform of the station\n", "text/plain"),
        (b"/* XPM */\nstatic char *a[] = {\n", "image/x-xpixmap"),
        (b"#define a_width 8\n#define a_height 8\n", "image/x-xbitmap"),
        (b"#define WIDTH 8\n#define HEIGHT 8\n", "text/plain"),
        (b"#?RADIANCE\nGAMMA=1\n\n-Y 1 +X 1\n\x02\x02\x00\x08", "image/vnd.radiance"),
        (b"DDS \x7c\x00\x00\x00\x07\x10\x08\x00" + bytes(112), "image/vnd-ms.dds"),
        (b"wvpk\x0c\x02\x00\x00\x10\x04" + bytes(22), "audio/x-wavpack"),
        ((b"\x47\x40\x11\x10" + bytes(184)) * 4, "video/mp2t"),
        (bytes(90) + (b"\x47\x40\x11\x10" + bytes(184)) * 4, "video/mp2t"),
        ((b"\x0e\xbf\x46\x22\x47\x40\x11\x10" + bytes(184)) * 5, "video/mp2t"),
        (b"\x12" * 100 + (b"\xff\xfb\x90\x64" + bytes(413)) * 4, "audio/mpeg"),
        (b"\x12" * 100 + (b"\xff\xfd\x80\x04" + bytes(413)) * 4, "audio/mpeg"),
        (b"\x12" * 100 + (b"\xff\xe3\x28\xc4" + bytes(140)) * 4, "audio/mpeg"),
        (b"\x12" * 100 + (b"\xff\xfb\x90\x64" + bytes(400)) * 4, ""),
        (b"1\x00\t2\x00\tname of a person\x00\tamount of money\x00\n", "text/plain"),
        ('"char 0x16: \x16","d\u00e9j\u00e0"\n'.encode(), "text/plain"),
        (b"\xc3\x28\x01 a table" * 90, ""),
        (b"\x00\x01", ""),
        (b"", ""),
        (zlib.compress(bytes(5000))[2:], ""),
    ],
)
def test_common_formats_are_detected(content: bytes, content_type: str) -> None:
    assert detect_type(content) == content_type


@pytest.mark.parametrize(
    "content",
    [
        b"BM" + bytes(range(200)),  # these letters also begin other binary files
        b"BMW, Audi and MZ motorcycles",
        b"GIF89a and PNG are formats\n",
        b"GIF89a/*\n*/=1;alert(1)//",
    ],
)
def test_file_that_only_begins_like_an_image_is_no_image(content: bytes) -> None:
    assert not detect_type(content).startswith("image/")


def test_opendocument_file_is_detected_as_zip_and_has_a_precise_type() -> None:
    content = b"PK\x03\x04\x14\x00\x00\x00\x00\x00" + bytes(16) + b"\x08\x00\x00\x00"
    content += b"mimetypeapplication/vnd.oasis.opendocument.text"

    sample = sample_of(content, filename="a.odt")

    assert sample.precise_type == "application/vnd.oasis.opendocument.text"
    assert sample.detected_type == "application/zip"


def test_types_of_many_samples_are_the_types_of_single_samples(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = [detect_type(content[:4096]) for content in MIXED]
    samples = [sample_of(content) for content in MIXED]

    monkeypatch.setattr(Detector, "detect", lambda _, head: "image/gif" if head else "")
    detect_in_advance(samples)

    assert [sample.precise_type for sample in samples] == expected


def test_samples_have_types_if_the_detection_in_advance_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    samples = [sample_of(content) for content in MIXED]

    monkeypatch.setattr(Detector, "detect_many", lambda *_: [])
    detect_in_advance(samples)

    assert [sample.precise_type for sample in samples] == [
        detect_type(content[:4096]) for content in MIXED
    ]


def test_detection_reads_only_the_first_bytes() -> None:
    reads: list[tuple[int, int]] = []

    def read(start: int, length: int) -> bytes:
        reads.append((start, length))
        return heads.PNG

    sample = Sample("a.png", "image/png", 10**12, read)

    assert (sample.precise_type, sample.detected_type) == ("image/png",) * 2
    assert reads == [(0, 4096)]


@pytest.mark.parametrize("content_type", [*sorted(ACTIVE_CONTENT_TYPES), "a/b+xml"])
def test_runnable_type_is_stored_and_served_as_octet_stream(
    content_type: str,
) -> None:
    assert stored_type(content_type) == BYTES
    assert served_type(content_type, content_type) == BYTES
    # libmagic detects most of these files as plain text, and then the site serves them
    # as plain text.
    assert served_type(content_type, "text/plain") == "text/plain"
    assert served_type(content_type, "") == BYTES


@pytest.mark.parametrize(
    ("declared", "detected", "served"),
    [
        ("image/jpeg", "image/webp", "image/webp"),
        (BYTES, "image/png", "image/png"),
        ("text/csv", "text/plain", "text/csv"),
        ("text/html", "text/plain", "text/plain"),
        ("text/plain", "text/html", BYTES),
        ("text/plain", "text/xml", BYTES),
        ("image/png", "image/svg+xml", BYTES),
        ("image/png", "application/x-elf", BYTES),
        ("image/png", "", BYTES),
        ("application/epub+zip", "application/zip", "application/epub+zip"),
        ("text/html", "application/zip", "application/zip"),
    ],
)
def test_download_has_the_detected_type_if_browsers_cannot_run_the_type(
    declared: str, detected: str, served: str
) -> None:
    assert served_type(declared, detected) == served


@pytest.mark.parametrize(
    ("content_type", "family"),
    [
        ("image/heic", "image"),
        ("audio/x-m4a", "media"),
        ("video/mp4", "media"),
        ("application/x-zip-compressed", "archive"),
        ("application/vnd.rar", "archive"),
        ("application/x-ole-storage", "document"),
        ("application/vnd.oasis.opendocument.text", "document"),
        ("text/rtf", "document"),
        ("text/csv", "text"),
        ("font/woff2", "font"),
        ("application/x-dosexec", "program"),
        ("application/vnd.sqlite3", "data"),
        (BYTES, ""),
    ],
)
def test_each_content_type_has_the_expected_family(
    content_type: str, family: str
) -> None:
    assert family_of(content_type) == family
