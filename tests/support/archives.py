"""Create ZIP archives: ordinary, huge, nested, damaged, and with false sizes."""

from __future__ import annotations

import copy
import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Sized
from dataclasses import dataclass
from functools import cache
from typing import Any
from unittest import mock

END = struct.Struct("<4s4H2LH")
LOCAL = struct.Struct("<4s5H3L2H")
LISTED = struct.Struct("<4s4B4HL2L5H2L")
UNIX, FAT, ATARI = 3, 0, 5
LINK_MODE, FILE_MODE = stat.S_IFLNK | 0o777, stat.S_IFREG | 0o644


def packed(*files: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return an archive with these names and contents."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return made.getvalue()


def in_zip64(*files: tuple[str, bytes]) -> bytes:
    """Return an archive with ZIP64 fields, which usually only huge archives have."""
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
    """Return an archive with one file of zeros, compressed about 1000 to 1."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("zeros", "w") as file,
    ):
        for _ in range(megabytes):
            file.write(bytes(1_000_000))
    return made.getvalue()


def overlapping(copies: int = 1000, size: int = 1_000_000) -> bytes:
    """Return an archive in which many names refer to the same bytes."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0", bytes(size))
        for number in range(1, copies):
            again = copy.copy(archive.filelist[0])
            again.filename = again.orig_filename = str(number)
            archive.filelist.append(again)
    return made.getvalue()


def nested(levels: int, *, compression: int, name: str = "inner.zip") -> bytes:
    """Return an archive with ``levels`` levels of archives inside each other."""
    content = packed(("core.txt", b"x" * 1000), compression=compression)
    for _ in range(levels - 1):
        content = packed((name, content), compression=compression)
    return content


def with_entries(names: Iterable[str]) -> bytes:
    """Return an archive of empty files with these names."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), b"")
    return made.getvalue()


def with_symlink(target: str = "/etc/passwd") -> bytes:
    """Return an archive that contains a symbolic link."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.create_system = 3
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, target)
    return made.getvalue()


def document(body: bytes = b"<w:t>Hello</w:t>" * 5000) -> bytes:
    """Return an archive that inspectors detect as a Word document."""
    return packed(
        ("[Content_Types].xml", b"<?xml version='1.0'?><Types/>"),
        ("_rels/.rels", b"<Relationships/>"),
        ("word/document.xml", body),
        ("word/media/image1.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20),
    )


def with_false_end_record(content: bytes, *, about: str, value: int) -> bytes:
    """Return ``content`` with another ``entry_count``, ``size`` or ``start``.

    These fields are in the record at the end of an archive.
    """
    at = content.rfind(b"PK\x05\x06")
    fields = list(END.unpack_from(content, at))
    if about == "entry_count":
        fields[3] = fields[4] = value
    else:
        fields[{"size": 5, "start": 6}[about]] = value
    return content[:at] + END.pack(*fields) + content[at + END.size :]


@dataclass(frozen=True)
class Raw:
    """One entry with chosen fields, for archives that no ordinary program creates."""

    name: bytes
    data: bytes = b""
    local_name: bytes | None = None
    extra: bytes = b""
    local_extra: bytes = b""
    system: int = UNIX
    mode: int = FILE_MODE
    method: int = zipfile.ZIP_STORED
    declared: int | None = None
    flags: int = 0

    @property
    def packed(self) -> bytes:
        return self.data if self.method == zipfile.ZIP_STORED else _deflated(self.data)


@cache
def _deflated(data: bytes) -> bytes:
    stream = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


def link(name: bytes, target: bytes, **changes: Any) -> Raw:
    """Return a symbolic link."""
    return Raw(name, target, **{"mode": LINK_MODE, **changes})


def raw(*entries: Raw, comment: bytes = b"", prefix: bytes = b"") -> bytes:
    """Return an archive with exactly these entries, after the bytes of ``prefix``."""
    body, listed = bytearray(), bytearray()
    for entry in entries:
        packed, at = entry.packed, len(body)
        crc = zlib.crc32(entry.data)
        size = len(entry.data) if entry.declared is None else entry.declared
        local_name = entry.name if entry.local_name is None else entry.local_name
        sizes = (crc, len(packed), size)
        body += LOCAL.pack(
            *(b"PK\x03\x04", 20, entry.flags, entry.method, 0, 0x21, *sizes),
            *(len(local_name), len(entry.local_extra)),
        )
        body += local_name + entry.local_extra + packed
        listed += LISTED.pack(
            *(b"PK\x01\x02", 20, entry.system, 20, 0, entry.flags, entry.method),
            *(0, 0x21, *sizes, len(entry.name), len(entry.extra), 0, 0, 0),
            *(entry.mode << 16, at),
        )
        listed += entry.name + entry.extra
    end = end_record(min(len(entries), 0xFFFF), listed, body, comment)
    return prefix + bytes(body + listed) + end


def end_record(count: int, listed: Sized, body: Sized, comment: bytes = b"") -> bytes:
    """Return the record at the end of an archive, with its comment."""
    facts = (count, count, len(listed), len(body), len(comment))
    return END.pack(b"PK\x05\x06", 0, 0, *facts) + comment


def unicode_path(name: bytes) -> bytes:
    """Return the extra field that contains a name in UTF-8."""
    return struct.pack("<2HBL", 0x7075, 5 + len(name), 1, 0) + name


def scattered(count: int, *, extra: int = 0) -> bytes:
    """Return an archive of small entries that are far apart and listed out of order."""
    block, blocks = 128 * 1024, 43
    area = max(count * 64, blocks * block)
    step = area // count
    body = bytearray(area + 2 * block + 256)
    for number in range(count):
        at = number * step
        body[at : at + LOCAL.size] = LOCAL.pack(
            b"PK\x03\x04", 10, 0, 0, 0, 0x21, 0, 1, 1, 3, extra
        )
        body[at + LOCAL.size : at + LOCAL.size + 4] = b"a.zx"
    each = -(-count // blocks)
    jumps = [
        (far * 21) % blocks * each + near
        for near in range(each)
        for far in range(blocks)
    ]
    listed = b"".join(
        LISTED.pack(
            *(b"PK\x01\x02", 20, UNIX, 10, 0, 0, 0, 0, 0x21, 0, 1, 1, 3, 0, 0, 0, 0),
            *(FILE_MODE << 16, number * step),
        )
        + b"a.z"
        for number in jumps
        if number < count
    )
    return bytes(body) + listed + end_record(min(count, 0xFFFF), listed, bytes(body))
