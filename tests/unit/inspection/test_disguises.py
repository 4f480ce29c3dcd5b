"""Test each row of the table of disguises in docs/inspection.md with many examples."""

from __future__ import annotations

import pytest

from tests.support import heads
from tests.support.inspectors import sample_of
from uploads.inspection.content_types import served_type
from uploads.inspection.disguises import (
    DisguiseInspector,
    describe_difference,
    find_disguise,
)
from uploads.inspection.extensions import RUNNABLE, endings_of, extension_of
from uploads.inspection.verdicts import Sample, Verdict

BYTES = "application/octet-stream"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

PROGRAMS = {
    "windows": heads.PE,
    "old windows": heads.EXE,
    "linux": heads.ELF,
    "macos": heads.MACH_O,
    "macos universal": heads.FAT_MACH_O,
    "macos universal 64": heads.FAT_64,
    "shortcut": heads.SHORTCUT,
    "java": heads.JAVA_CLASS,
    "wasm": heads.WASM,
    "android": heads.DEX,
}
ACTIVE = {
    "page": heads.HTML,
    "page after a comment": b"<!-- hello --><sCript>alert(1)</sCript>",
    "page in UTF-16": heads.HTML.decode().encode("utf-16"),
    "page after a byte order mark": b"\xef\xbb\xbf \n" + heads.HTML,
    "page after a word": b"hello <script>alert(1)</script>",
    "scripted drawing": heads.SVG,
    "drawing with a handler": b'<svg xmlns="http://www.w3.org/2000/svg" onload="x"/>',
    "drawing with an entity": b'<!DOCTYPE svg [<!ENTITY a SYSTEM "b">]><svg/>',
    "style sheet": b'<?xml version="1.0"?><?xml-stylesheet href="a.xsl"?><a/>',
    "xhtml": b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>',
    "shell script": heads.SHELL,
    "php": heads.PHP,
    "script that begins like a GIF": b"GIF89a/*\n*/=1;alert(1)//",
}


def inspect_file(filename: str, declared: str, content: bytes) -> Verdict:
    return DisguiseInspector().inspect(sample_of(content, declared, filename))


@pytest.mark.parametrize("content", PROGRAMS.values(), ids=PROGRAMS.keys())
@pytest.mark.parametrize(
    "filename",
    [
        *("invoice.pdf", "photo.jpg", "photo.HEIC", "letter.docx", "film.mp4"),
        *("song.mp3", "notes.txt", "data.csv", "photos.zip", "all.tar.gz", "a.html"),
        *("a.svg", "mail.eml", "font.woff2", "code.py", "run.sh", "link.url"),
        *("a.rtf", "book.epub", "data.json", "a.7z", "a.xml", "table.ods"),
        *("invoice.pdf.", "invoice.pdf ", "invoice.p\u200bdf", "invoice.pdf\u202c"),
    ],
)
@pytest.mark.parametrize("declared", [BYTES, "application/x-msdownload", "text/plain"])
def test_program_with_the_extension_of_another_type_is_refused(
    filename: str, declared: str, content: bytes
) -> None:
    verdict = inspect_file(filename, declared, content)

    assert not verdict.accepted
    assert f".{extension_of(filename)}" in verdict.reason


@pytest.mark.parametrize(
    ("filename", "content"),
    [
        *(
            (f"setup.{ending}", heads.PE)
            for ending in [
                "exe",
                "dll",
                "sys",
                "scr",
                "com",
                "cpl",
                "ocx",
                "drv",
                "efi",
                "mui",
            ]
        ),
        *(
            (name, heads.ELF)
            for name in (
                *("tool", "libc.so", "libc.so.6", "module.o", "nvidia.ko"),
                *("firmware.bin", "App.AppImage", "python3.11", "nc.openbsd"),
                *("grub.mod", "installer.run", "core", "vim.basic", "a.out"),
            )
        ),
        *((name, heads.MACH_O) for name in ("tool", "a.dylib", "b.bundle", "c.so")),
        *((name, heads.FAT_MACH_O) for name in ("tool", "a.dylib", "b.bundle")),
        ("short.lnk", heads.SHORTCUT),
        ("Main.class", heads.JAVA_CLASS),
        ("a.wasm", heads.WASM),
        ("classes.dex", heads.DEX),
        ("vmlinuz-6.1.0-13-amd64", heads.PE),
    ],
)
@pytest.mark.parametrize("declared", [BYTES, "image/png", "audio/x-mod", "text/plain"])
def test_program_with_an_extension_of_programs_is_accepted(
    filename: str, declared: str, content: bytes
) -> None:
    verdict = inspect_file(filename, declared, content)

    assert verdict.accepted, verdict.reason
    assert served_type(declared, verdict.detected_type) == BYTES


@pytest.mark.parametrize("ending", sorted(RUNNABLE))
@pytest.mark.parametrize("cover", ["pdf", "jpg", "docx", "mp4", "txt", "csv", "heic"])
def test_runnable_extension_after_a_documents_extension_is_refused(
    cover: str, ending: str
) -> None:
    for name in (f"invoice.{cover}.{ending}", f"INVOICE.{cover} .{ending.upper()} "):
        assert f".{cover}.{ending}" in find_disguise(name, declared="", head=b"")


@pytest.mark.parametrize(
    "filename",
    [
        *("a.pdf.\u200bexe", "a.pdf.exe\u200b", "a.pd\u00adf.exe", "a.pdf.\u2066exe"),
        *("a.pdf.e\u200dxe", "a.pdf.exe.", "a.pdf.exe. . ", "a.pdf..exe"),
        *("a.pdf    .exe", "a.pdf (1).exe", "a.pdf.exe (2)", "a.pdf\u3164.exe"),
        *("a.pdf.\ufe0fexe", "a.pdf.exe\u00a0", "a.pdf.ex\u061ce", "\u202ea.pdf.scr"),
    ],
)
def test_invisible_characters_do_not_hide_a_double_extension(
    filename: str,
) -> None:
    assert find_disguise(filename, declared="", head=heads.WORDS)


@pytest.mark.parametrize(
    "filename",
    [
        *("jquery.min.js", "my.report.v2.pdf", "archive.tar.gz", "setup.1.2.exe"),
        *("a.pdf.zip", "photo.jpg.html", "notes.txt.gz", "Makefile.in", "a.exe.pdf"),
        *("libfoo.so.6", "backup.pdf.2024", "photo.png.svg", "index.html.js"),
    ],
)
def test_other_double_extensions_are_accepted(filename: str) -> None:
    assert find_disguise(filename, declared="", head=heads.WORDS) == ""


@pytest.mark.parametrize("content", ACTIVE.values(), ids=ACTIVE.keys())
@pytest.mark.parametrize(
    ("filename", "declared"),
    [
        ("photo.png", "image/png"),
        ("photo.jpg", BYTES),
        ("photo.webp", "text/html"),
        ("film.mp4", "video/mp4"),
        ("song.mp3", "audio/mpeg"),
        ("song.flac", BYTES),
        ("picture", "image/gif"),
        ("page.txt", "image/png"),
        ("notes.md", "video/mp4"),
        ("data", "audio/mpeg"),
        ("photo.j\u200bpg", BYTES),
    ],
)
def test_active_content_named_as_media_is_refused(
    filename: str, declared: str, content: bytes
) -> None:
    verdict = inspect_file(filename, declared, content)

    assert not verdict.accepted
    assert "upload it again" in verdict.reason


@pytest.mark.parametrize("content", ACTIVE.values(), ids=ACTIVE.keys())
@pytest.mark.parametrize(
    ("filename", "declared"),
    [
        ("page.txt", "text/plain"),
        ("notes.md", "text/markdown"),
        ("chat.log", BYTES),
        ("data.csv", "text/csv"),
        ("export.xls", "application/vnd.ms-excel"),
        ("export.doc", "application/msword"),
        ("paper.pdf", "application/pdf"),
        ("page.html", "text/html"),
        ("drawing.svg", "image/svg+xml"),
        ("app.js", "text/javascript"),
        ("slipway_de.ts", "video/mp2t"),
        ("README", BYTES),
    ],
)
def test_active_content_with_another_name_is_accepted(
    filename: str, declared: str, content: bytes
) -> None:
    verdict = inspect_file(filename, declared, content)

    assert verdict.accepted, verdict.reason
    # Every browser shows "hello <script>" as text.
    if not content.startswith((b"hello", b"GIF89a")):
        assert served_type(declared, verdict.detected_type) == BYTES


ORDINARY = [
    ("photo.jpg", "image/jpeg", heads.PNG),
    ("photo.png", "image/png", heads.WEBP),
    ("photo.jpg", "image/jpeg", heads.HEIC),
    ("photo.png", "image/png", heads.PLAIN_SVG),
    ("photo.png", "image/png", heads.PDF),
    ("photo.png", "image/png", heads.ZIP),
    ("photo.webp", "image/webp", heads.WORDS),
    ("photo.jpg", "image/jpeg", b""),
    ("anim.gif", "image/gif", heads.MP4),
    ("sound.mp3", "audio/mpeg", b"\x12" * 500),
    ("paper.pdf", "application/pdf", heads.PNG),
    ("paper.pdf", BYTES, heads.ZIP),
    ("notes.txt", "text/plain", heads.ZIP),
    ("notes.exe", "text/plain", heads.WORDS),
    ("setup.exe", "application/x-ms-dos-executable", heads.PE),
    ("run.bat", "application/x-bat", b"@echo off\r\n"),
    ("site.webloc", BYTES, heads.WEBLOC),
    ("site.url", BYTES, b"[InternetShortcut]\nURL=https://example.org/\n"),
    ("irc.txt", "text/plain", b"<alice> hello\n<bob> hi\n"),
    ("bikes.txt", "text/plain", b"MZ and BMW make motorcycles"),
    ("table.csv", "text/csv", b"<p>,<a>\n1,2\n"),
    ("README.md", "text/markdown", b"# A\n\n```php\n<?php echo 1;\n```\n"),
    ("list.m3u", "audio/x-mpegurl", b"#EXTM3U\nsong.mp3\n"),
    ("code.ts", "video/mp2t", b"#!/usr/bin/env node\nlet a = 1;\n"),
    ("plan.mpp", "audio/x-musepack", heads.OLE),
]


@pytest.mark.parametrize(("filename", "declared", "content"), ORDINARY)
def test_other_mismatch_of_name_and_content_is_accepted(
    filename: str, declared: str, content: bytes
) -> None:
    assert inspect_file(filename, declared, content).accepted


@pytest.mark.parametrize(
    ("filename", "detected", "note"),
    [
        (
            "photo.jpg",
            "image/webp",
            "The name ends in .jpg, but the file is a WebP image.",
        ),
        (
            "photo.jpg",
            "image/heic",
            "The name ends in .jpg, but the file is an HEIC photo.",
        ),
        (
            "paper.pdf",
            "image/png",
            "The name ends in .pdf, but the file is a PNG image.",
        ),
        (
            "page.txt",
            "application/zip",
            "The name ends in .txt, but the file is a ZIP archive.",
        ),
        (
            "photo.png",
            "text/plain",
            "The name ends in .png, but the file is plain text.",
        ),
        ("photo.jpg", "image/jpeg", ""),
        ("photo.jpeg", "image/jpeg", ""),
        ("letter.docx", "application/zip", ""),
        ("letter.doc", "application/x-ole-storage", ""),
        ("letter.doc", "text/html", ""),
        ("notes.md", "text/plain", ""),
        ("setup.exe", "application/vnd.microsoft.portable-executable", ""),
        ("photo.jpg", "", ""),
        ("no-ending", "image/png", ""),
        ("a.no-such-ending", "image/png", ""),
    ],
)
def test_accepted_mismatch_is_noted(filename: str, detected: str, note: str) -> None:
    assert describe_difference(filename, detected) == note


@pytest.mark.parametrize(
    ("filename", "endings"),
    [
        ("a.PDF", ("pdf",)),
        ("a.tar.gz", ("tar", "gz")),
        ("a", ()),
        (".profile", ()),
        (".profile.bak", ("bak",)),
        ("a.", ()),
        ("a. exe", ("exe",)),
        ("a.h\u200bta", ("hta",)),
        ("Привет.docx", ("docx",)),
        ("\u200b", ()),
    ],
)
def test_extensions_are_read_as_operating_systems_read_them(
    filename: str, endings: tuple[str, ...]
) -> None:
    assert endings_of(filename) == endings


def test_runnable_extensions_include_scripts_shortcuts_and_installers() -> None:
    kin = (
        "shs library-ms search-ms appinstaller terminal webloc scr pif cpl msc jse wsf "
        "ps1 vbe reg url desktop command jnlp scf settingcontent-ms chm application "
        "gadget msix hta lnk js bat cmd com exe msi"
    )

    assert set(kin.split()) <= RUNNABLE


MORE_PROGRAMS = {
    "32-bit linux": b"\x7fELF\x01\x01\x01" + bytes(60),
    "big-endian linux": b"\x7fELF\x02\x02\x01" + bytes(60),
    "32-bit macos": bytes.fromhex("feedface") + bytes(60),
    "macos, little-endian": bytes.fromhex("cffaedfe") + bytes(60),
    "windows installer": heads.OLE[:8]
    + bytes(584)
    + bytes.fromhex("84100c0000000000c000000000000046")
    + bytes(400),
    "windows help": b"ITSF\x03\x00\x00\x00" + bytes(60),
    "applescript": b"FasdUAS 1.101.10\x0e\x00" + bytes(60),
    "flash": b"CWS\x0a\x99\x0d\x00\x00x\xda" + bytes(60),
}


@pytest.mark.parametrize("content", MORE_PROGRAMS.values(), ids=MORE_PROGRAMS.keys())
@pytest.mark.parametrize(
    "filename", ["a.pdf", "b.png", "c.csv", "d.docx", "e.dwg", "f.accdb", "g.torrent"]
)
def test_further_programs_with_the_extension_of_another_type_are_refused(
    filename: str, content: bytes
) -> None:
    assert not inspect_file(filename, BYTES, content).accepted


@pytest.mark.parametrize(
    ("filename", "kind"),
    [
        *(("tool", kind) for kind in MORE_PROGRAMS),
        ("setup.msi", "windows installer"),
        ("update.msp", "windows installer"),
        ("manual.chm", "windows help"),
        ("main.scpt", "applescript"),
        ("game.swf", "flash"),
    ],
)
def test_further_programs_with_an_extension_of_programs_are_accepted(
    filename: str, kind: str
) -> None:
    verdict = inspect_file(filename, "image/png", MORE_PROGRAMS[kind])

    assert verdict.accepted
    assert served_type(BYTES, verdict.detected_type) == BYTES


MORE_SCRIPTS = {
    "batch": b"@ECHO OFF\r\nformat c:\r\n",
    "batch after a remark": b"REM hello\r\n@echo off\r\n",
    "windows link": b"[InternetShortcut]\r\nURL=file://host/a.exe\r\n",
    "linux shortcut": b"[Desktop Entry]\nExec=sh\n",
    "windows settings": b"Windows Registry Editor Version 5.00\r\n",
    "windows settings in UTF-16": "Windows Registry Editor Version 5.00".encode(
        "utf-16"
    ),
    "python": b"#! /usr/bin/env python3\n",
    "short php": b"<?= system($_GET[0]) ?>",
}


@pytest.mark.parametrize("content", MORE_SCRIPTS.values(), ids=MORE_SCRIPTS.keys())
def test_further_scripts_are_refused_only_if_named_or_declared_as_media(
    content: bytes,
) -> None:
    for filename, declared in (
        ("photo.png", BYTES),
        ("film.mkv", BYTES),
        ("a", "image/gif"),
    ):
        assert not inspect_file(filename, declared, content).accepted
    for filename in ("notes.txt", "a.bat", "site.url", "a.desktop", "a.reg", "a.pdf"):
        verdict = inspect_file(filename, BYTES, content)
        assert verdict.accepted
        assert served_type("text/html", verdict.detected_type) in {BYTES, "text/plain"}


@pytest.mark.parametrize(
    "filename",
    [
        *(
            "a.pdf - Copy.exe",
            "a.pdf copy.scr",
            "a.pdf copy 2.exe",
            "a.jpg - Kopie.lnk",
        ),
        *("a.docx - Copy (2).js", "a.pdf.exe - Copy", "a.heic.app", "a.m4a.vbs"),
    ],
)
def test_copy_suffixes_do_not_hide_a_double_extension(filename: str) -> None:
    assert find_disguise(filename, declared="", head=heads.WORDS)


@pytest.mark.parametrize("filename", ["my.txt copywriter.js", "a.csv-parser.py"])
def test_other_words_between_two_extensions_are_accepted(filename: str) -> None:
    assert find_disguise(filename, declared="", head=heads.WORDS) == ""


LONG = b"<!-- " + b"a comment " * 20_000 + b"-->"
LATE = {
    "drawing": heads.PLAIN_SVG[:-8] + LONG + b"<script>1</script></svg>",
    "drawing with a handler": heads.PLAIN_SVG[:-8] + LONG + b'<a onclick="x"/></svg>',
    "drawing after a comment": LONG + heads.SVG[22:],
    "drawing in UTF-16": ("\ufeff<svg>" + "a" * 9000 + "<script/></svg>").encode(
        "utf-16-le"
    ),
    "page after a comment": LONG + b"<html><script>1</script></html>",
    "page after words": b"words " * 200_000 + b"<script>1</script>",
    "script across two blocks": heads.PLAIN_SVG[:-8]
    + b" " * (1024**2 - 70)
    + b"<script/></svg>",
}


@pytest.mark.parametrize("content", LATE.values(), ids=LATE.keys())
def test_active_content_after_the_first_bytes_of_media_is_refused(
    content: bytes,
) -> None:
    for filename, declared in (("photo.png", BYTES), ("a", "image/png"), ("a.mp4", "")):
        assert not inspect_file(filename, declared, content).accepted
    for filename in ("drawing.svg", "page.txt", "page.html", "a.pdf"):
        assert inspect_file(filename, BYTES, content).accepted


def test_long_svg_without_a_script_is_accepted_as_a_picture() -> None:
    content = heads.PLAIN_SVG[:-8] + b'<path d="M0 0"/>' * 100_000 + b"</svg>"

    assert inspect_file("photo.png", "image/png", content).accepted


def test_only_the_first_bytes_of_binary_media_are_read() -> None:
    reads = []

    def read(start: int, length: int) -> bytes:
        reads.append((start, length))
        return heads.PNG

    sample = Sample("photo.png", "image/png", 10**9, read)

    assert DisguiseInspector().inspect(sample).accepted
    assert reads == [(0, 4096)]


def test_text_of_many_megabytes_named_as_a_picture_is_refused() -> None:
    sample = Sample(
        "photo.png", "image/png", 10**9, lambda start, length: b"a" * length
    )

    assert "too long to be checked" in DisguiseInspector().inspect(sample).reason
