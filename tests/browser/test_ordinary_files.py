"""Drop ordinary files with unusual declared types, and two harmful files, together.

Other sites often refuse the harmless kinds of files by mistake.
"""

from __future__ import annotations

import base64
import struct
import zlib

from django.contrib.auth.models import User
from playwright.sync_api import expect

from tests.browser.files import uploads_of
from tests.browser.upload_page import UploadPage
from tests.support import heads
from tests.support.archives import Raw, packed, raw
from uploads.states import State

XML = b'<?xml version="1.0" encoding="UTF-8"?>\n'
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n"
DOS_EPS = b"\xc5\xd0\xd3\xc6" + struct.pack("<7L", 32, len(EPS), 0, 0, 0, 0, 0xFFFF)
EXCEL_2003 = (
    XML + b'<?mso-application progid="Excel.Sheet"?>'
    b'<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>'
)
MP3_FRAME = b"\xff\xfb\x90\x64" + bytes(413)
MOVIE = struct.pack(">I4sI4s", 8, b"wide", 508, b"mdat") + bytes(500)
BIG_TIFF = b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 0) + bytes(8)
TOO_WIDE_FRAME = b"\xff\xc0\0\x0b\x08\xfd\xe8\xfd\xe8\x01\x01\x11\0"
TOO_WIDE = b"\xff\xd8" + b"\xff\xfe\0\x02" * 501 + TOO_WIDE_FRAME + b"\xff\xd9"


def with_unicode_path(path: bytes) -> bytes:
    """Return an archive with one file, whose Unicode path field has another name."""
    name = b"ok.txt"
    field = struct.pack("<HHBL", 0x7075, 5 + len(path), 1, zlib.crc32(name)) + path
    return raw(Raw(name, b"x", extra=field))


HARMLESS = {
    "mac-textedit.rtf": ("text/rtf", b"{\\rtf1\\ansi Hello}"),
    "logo.eps": ("image/x-eps", EPS),
    "dos-preview.eps": ("application/postscript", DOS_EPS + EPS),
    "excel2003.xls": ("application/vnd.ms-excel", EXCEL_2003),
    "bank.xls": ("application/vnd.ms-excel", b"<html><table><tr><td>1</td></table>"),
    "irc.txt": ("text/plain", b"<alice> hello\n<bob> hi\n"),
    "README.md": ("text/markdown", b"# Library\n\n```php\n<?php\nrequire 'a';\n```\n"),
    "slipway_de.ts": ("video/mp2t", XML + b'<!DOCTYPE TS><TS version="2.1"/>'),
    "schema.dtd": ("application/xml-dtd", b"<!-- a DTD -->\n<!ELEMENT a (#PCDATA)>\n"),
    "stream-cut.mp3": ("audio/mpeg", b"\x12" * 100 + MP3_FRAME * 6),
    "camera-2004.mov": ("video/quicktime", MOVIE),
    "map.tif": ("image/tiff", BIG_TIFF),
    "photo.jpg": ("image/jpeg", heads.HEIC),
    "setup.exe": ("application/x-ms-dos-executable", heads.PE),
    "module.o": ("application/x-object", heads.ELF),
    "artifact.zip": ("application/zip", packed(("app.apk", packed(("a", b"a"))))),
    "dropbox.zip": ("application/zip", packed(("/", b""), ("a.txt", b"a"))),
    ".gitignore": ("", b"*.pyc\n"),
    "track.gpx": ("application/gpx+xml", XML + b"<gpx/>"),
    "page.html": ("text/html", heads.HTML),
}
HARMFUL = {
    "unicode-path.zip": (
        "application/zip",
        with_unicode_path(b"../evil.txt"),
        (
            "This archive contains ../evil.txt. Unpacking would put this file outside "
            "of the target folder. Rename the file and pack the archive again."
        ),
    ),
    "too-wide.jpg": (
        "image/jpeg",
        TOO_WIDE,
        (
            "This image has 65,000 x 65,000 pixels, and programs that open it can run "
            "out of memory. The limit is 1,000 megapixels. Make the image smaller, then "
            "upload it again."
        ),
    ),
}
DRAG_FILES = """
(files) => {
  const transfer = new DataTransfer();
  for (const [name, type, content] of files) {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name, {type}));
  }
  return transfer;
}
"""


def test_ordinary_files_become_ready_and_harmful_files_show_a_reason(
    upload_page: UploadPage, person: User
) -> None:
    page = upload_page.page
    files = {**HARMLESS, **{name: facts[:2] for name, facts in HARMFUL.items()}}
    encoded = [
        (name, declared, base64.b64encode(content).decode())
        for name, (declared, content) in files.items()
    ]

    transfer = page.evaluate_handle(DRAG_FILES, encoded)
    page.locator("body").dispatch_event("dragenter", {"dataTransfer": transfer})
    page.locator("body").dispatch_event("drop", {"dataTransfer": transfer})
    expect(upload_page.start_button).to_have_text(f"Upload {len(files)} files")
    upload_page.start()

    expect(upload_page.heading(f"{len(HARMFUL)} files not stored")).to_be_visible()
    for name, (_, _, reason) in HARMFUL.items():
        expect(upload_page.row(name)).to_contain_text("Refused")
        shown = upload_page.upload_area.get_by_text(reason, exact=True)
        expect(shown).to_be_visible()
    for name in HARMLESS:
        expect(upload_page.row(name)).to_contain_text("Ready")
    states = {name: upload.state for name, upload in uploads_of(person).items()}
    assert states == {
        **dict.fromkeys(HARMLESS, State.READY),
        **dict.fromkeys(HARMFUL, State.REJECTED),
    }
