"""Detects programs, web pages and scripts by the first bytes of a file.

The site uses the result to decide whether a file is disguised. The result comes only
from tables in this module, so it is the same on every machine. libmagic detects all
other types (see detection.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

PE = "application/vnd.microsoft.portable-executable"
ELF = "application/x-elf"
MACH_O = "application/x-mach-binary"
SHORTCUT = "application/x-ms-shortcut"
JAVA_CLASS = "application/java-vm"
HTML = "text/html"
SVG = "image/svg+xml"
SCRIPT = "text/x-shellscript"
PHP = "application/x-httpd-php"
JAVASCRIPT = "text/javascript"
BATCH = "text/x-bat"
WINDOWS_LINK = "text/x-mswinurl"
DESKTOP_ENTRY = "text/x-desktop"
REGISTRY = "text/x-ms-regedit"
INSTALLER = "application/x-msi"
FLASH = "application/x-shockwave-flash"


class Kind(Enum):
    """Kinds of active content. The value is the name shown to users."""

    PROGRAM = "a program"
    PAGE = "a web page"
    DRAWING = "an SVG drawing"
    SCRIPTED_DRAWING = "an SVG drawing with a script"
    SCRIPT = "a script"


@dataclass(frozen=True)
class Active:
    """Active content that was detected, with its kind and its content type."""

    kind: Kind
    content_type: str


_BINARY_PROGRAMS: tuple[tuple[bytes, str], ...] = (
    (b"MZ", PE),
    (b"\x7fELF", ELF),
    (b"\xfe\xed\xfa\xce", MACH_O),
    (b"\xfe\xed\xfa\xcf", MACH_O),
    (b"\xce\xfa\xed\xfe", MACH_O),
    (b"\xcf\xfa\xed\xfe", MACH_O),
    (b"\xca\xfe\xba\xbf", MACH_O),
    (b"L\x00\x00\x00\x01\x14\x02\x00", SHORTCUT),
    (b"\x00asm", "application/wasm"),
    (b"dex\n0", "application/vnd.android.dex"),
    (b"ITSF\x03\x00\x00\x00", "application/vnd.ms-htmlhelp"),
    (b"FasdUAS 1.", "application/x-applescript"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_INSTALLER = re.compile(rb"[\x82\x84\x86]\x10\x0c\0\0\0\0\0\xc0\0\0\0\0\0\0F")
"""The class ID of a Windows installer, in the directory of an OLE file.

The directory is often near the start of the file. This module does not detect an
installer whose directory comes after the first 4 KiB (``HEAD_BYTES``).
"""

_FLASH = re.compile(rb"[FCZ]WS[\x01-\x40].{3}[\x00-\x7f]", re.DOTALL)
_CAFEBABE = b"\xca\xfe\xba\xbe"
_FIRST_CLASS_VERSION = 45
"""Java class files and fat Mach-O files begin with the same four bytes.

A number follows these bytes. In a class file, the number is the version, which is at
least 45. In a Mach-O file, it is the number of architectures, which is always smaller.
"""

_CONTROL = re.compile(rb"[\x00-\x08\x10-\x1a\x1c-\x1f]")
"""Control characters that texts do not have.

The pattern does not match ESC, SO and SI, because texts in ISO 2022 use them.
"""

_LEADING_SPACE = b"\xef\xbb\xbf \t\r\n\x0c"
_SHEBANG = re.compile(rb"#!\s*/")
_RUN_AS_TEXT: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"@echo off\b|rem [^\n]{0,200}\n@echo off\b", re.IGNORECASE), BATCH),
    (re.compile(rb"\[InternetShortcut(?:\.[AW])?\]", re.IGNORECASE), WINDOWS_LINK),
    (re.compile(rb"\[Desktop Entry\]"), DESKTOP_ENTRY),
    (re.compile(rb"Windows Registry Editor Version |REGEDIT4\s"), REGISTRY),
)
"""First words of texts that an operating system runs, and their types."""

_PHP = re.compile(rb"<\?(?:php\b|=)", re.IGNORECASE)
_HTML = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|script|iframe|object|embed|meta|style"
    rb"|title|table|div|img|base|link|form|svg:)[\s/>]",
    re.IGNORECASE,
)
_XML = re.compile(rb"<\?xml|<!--|<!doctype|<[a-z_][\w.:-]*[\s/>]", re.IGNORECASE)
_SVG = re.compile(rb"<(?:[\w.-]{1,32}:)?svg[\s/>]", re.IGNORECASE)
_STYLE_SHEET = re.compile(rb"<\?xml-stylesheet\b|/1999/XSL/Transform\b", re.IGNORECASE)
_XHTML = re.compile(rb"www\.w3\.org/1999/xhtml\b", re.IGNORECASE)
SCRIPTED = re.compile(
    rb"<(?:[\w.-]{1,32}:)?(?:script|iframe|foreignobject|handler)\b"
    rb"|[\s/\"']on[a-z]{3,20}\s*=|javascript:|data:text/html|<!entity\b",
    re.IGNORECASE,
)
ANYWHERE = re.compile(
    rb"<(?:!doctype\s+html|html|body|script|iframe)[\s/>]|<\?php\b", re.IGNORECASE
)
_IMAGE_AS_SCRIPT = re.compile(rb"GIF8[79]a[^\r\n]*(?:/\*|=)")


def find_active(head: bytes) -> Active | None:
    """Return the active content with which ``head`` begins, or None."""
    return _find_program(head) or _find_markup(decoded(head))


def find_hidden_page(head: bytes) -> Active | None:
    """Return a page or script from anywhere in the text ``head``, or None.

    Returns None for binary data. The inspection calls this function for files that are
    named or declared as images, sounds or films. Real files of these types are binary,
    so a text with such a name is suspicious.
    """
    text = decoded(head)
    if not is_text(text):
        return None
    if ANYWHERE.search(text):
        return Active(Kind.PAGE, HTML)
    if _IMAGE_AS_SCRIPT.match(text):
        return Active(Kind.SCRIPT, JAVASCRIPT)
    return None


def is_text(head: bytes) -> bool:
    """Return whether ``head`` has no control characters that only binary files have."""
    return not _CONTROL.search(head)


def decoded(head: bytes) -> bytes:
    """Return UTF-16 text with a byte order mark as UTF-8, and other bytes unchanged.

    Browsers decode UTF-16 too, so such a text may be a page.
    """
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return head.decode("utf-16", "ignore").encode()
    return head


def _find_program(head: bytes) -> Active | None:
    if head[:4] == _CAFEBABE:
        version = int.from_bytes(head[4:8], "big") & 0xFFFF
        is_class = version >= _FIRST_CLASS_VERSION
        return Active(Kind.PROGRAM, JAVA_CLASS if is_class else MACH_O)
    for magic, content_type in _BINARY_PROGRAMS:
        if head.startswith(magic):
            # A plain text may also begin with "MZ".
            return None if is_text(head) else Active(Kind.PROGRAM, content_type)
    if head.startswith(_OLE) and _INSTALLER.search(head):
        return Active(Kind.PROGRAM, INSTALLER)
    if _FLASH.match(head) and not is_text(head):
        return Active(Kind.PROGRAM, FLASH)
    return None


def _find_markup(head: bytes) -> Active | None:
    text = head.lstrip(_LEADING_SPACE)
    if _SHEBANG.match(text):
        return Active(Kind.SCRIPT, SCRIPT)
    for start, content_type in _RUN_AS_TEXT:
        if start.match(text):
            return Active(Kind.SCRIPT, content_type)
    if _PHP.match(text):
        return Active(Kind.SCRIPT, PHP)
    if _HTML.match(text):
        return Active(Kind.PAGE, HTML)
    if not _XML.match(text):
        return None
    if _STYLE_SHEET.search(text):
        return Active(Kind.PAGE, "text/xml")
    if _SVG.search(text):
        is_scripted = SCRIPTED.search(text)
        kind = Kind.SCRIPTED_DRAWING if is_scripted else Kind.DRAWING
        return Active(kind, SVG)
    if _HTML.search(text) or _XHTML.search(text):
        return Active(Kind.PAGE, HTML)
    return None
