"""Archives for tests: ordinary, huge, nested, lying and broken ones."""

from __future__ import annotations

import copy
import io
import stat
import struct
import zipfile
from collections.abc import Iterable
from functools import cache
from unittest import mock

END = struct.Struct("<4s4H2LH")


def packed(*files: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Make an archive of names and contents."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return made.getvalue()


def in_zip64(*files: tuple[str, bytes]) -> bytes:
    """Make an archive with the wide fields that only huge ones need."""
    made = io.BytesIO()
    with (
        mock.patch.multiple(zipfile, ZIP64_LIMIT=1, ZIP_FILECOUNT_LIMIT=1),
        zipfile.ZipFile(made, "w") as archive,
    ):
        for name, content in files:
            with archive.open(name, "w", force_zip64=True) as file:
                file.write(content)
    return made.getvalue()


@cache
def bomb(megabytes: int = 200) -> bytes:
    """One file of zeros: a thousand to one."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("zeros", "w") as file,
    ):
        for _ in range(megabytes):
            file.write(bytes(1_000_000))
    return made.getvalue()


def overlapping(copies: int = 1000, size: int = 1_000_000) -> bytes:
    """Many names for the same bytes."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0", bytes(size))
        for number in range(1, copies):
            again = copy.copy(archive.filelist[0])
            again.filename = again.orig_filename = str(number)
            archive.filelist.append(again)
    return made.getvalue()


def nested(levels: int, *, compression: int, name: str = "inner.zip") -> bytes:
    """An archive in an archive in an archive."""
    content = packed(("core.txt", b"x" * 1000), compression=compression)
    for _ in range(levels - 1):
        content = packed((name, content), compression=compression)
    return content


def with_entries(names: Iterable[str]) -> bytes:
    """Empty files of these names."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), b"")
    return made.getvalue()


def with_symlink(target: str = "/etc/passwd") -> bytes:
    """A link among the files."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.create_system = 3
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, target)
    return made.getvalue()


def document(body: bytes = b"<w:t>Hello</w:t>" * 5000) -> bytes:
    """What a word processor writes, as far as an inspector sees."""
    return packed(
        ("[Content_Types].xml", b"<?xml version='1.0'?><Types/>"),
        ("_rels/.rels", b"<Relationships/>"),
        ("word/document.xml", body),
        ("word/media/image1.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20),
    )


def lying(content: bytes, *, about: str, value: int) -> bytes:
    """Change ``entry_count``, ``size`` or ``start`` at the end of an archive."""
    at = content.rfind(b"PK\x05\x06")
    fields = list(END.unpack_from(content, at))
    if about == "entry_count":
        fields[3] = fields[4] = value
    else:
        fields[{"size": 5, "start": 6}[about]] = value
    return content[:at] + END.pack(*fields) + content[at + END.size :]


def saying(content: bytes, declared_bytes: int) -> bytes:
    """Change what the list of contents says of its first entry's size."""
    at = content.find(b"PK\x01\x02")
    return content[: at + 24] + struct.pack("<L", declared_bytes) + content[at + 28 :]
