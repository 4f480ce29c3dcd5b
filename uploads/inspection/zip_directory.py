"""Parses the lists of contents (central directories) and local headers of ZIP archives.

An end record at the end of the file states the position of the list. Unpackers search
for the record and the list in different ways. Therefore this module returns every list
that Info-ZIP, 7-Zip, Python, Java, Go or Windows would use.

Sources: PKWARE's APPNOTE, sections 4.3.7, 4.3.12 to 4.3.16, 4.5.3 and 4.6.9. This
module does not use Python's zipfile, because zipfile reads only one list and loads all
of it into memory.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from uploads.inspection.ranges import Readable

END = struct.Struct("<4s4H2LH")
END_MAGIC = b"PK\x05\x06"
END64 = struct.Struct("<4sQ2H2L4Q")
END64_MAGIC = b"PK\x06\x06"
LOCATOR64 = struct.Struct("<4sLQL")
LOCATOR64_MAGIC = b"PK\x06\x07"
ENTRY = struct.Struct("<4s4B4HL2L5H2L")
ENTRY_MAGIC = b"PK\x01\x02"
LOCAL = struct.Struct("<4s5H3L2H")
LOCAL_MAGIC = b"PK\x03\x04"

TAIL_BYTES = END.size + 0xFFFF
"""The largest distance in bytes from an end record's start to the file's end."""

IN_ZIP64 = 0xFFFF_FFFF
ZIP64_FIELD = 0x0001
UNICODE_PATH_FIELD = 0x7075
UNICODE_PATH_MARK = b"up"
STORED, DEFLATED = 0, 8
ENCRYPTED, SIZE_FOLLOWS = 0x1, 0x8
DEFLATE_RATIO = 1032
"""The highest compression ratio of deflate: 258 bytes in 2 bits."""


class BrokenArchive(Exception):  # noqa: N818  as in errors.py
    """The list of contents does not match the bytes of the file."""


class Ambiguous(Exception):  # noqa: N818  as in errors.py
    """Several lists of contents share bytes, so unpackers may use different lists."""


@dataclass(frozen=True)
class Directory:
    """A list of contents. The archive begins after ``prefix`` bytes of the file."""

    start: int
    byte_size: int
    prefix: int

    @property
    def end(self) -> int:
        return self.start + self.byte_size


@dataclass(frozen=True, slots=True)
class Entry:
    """The facts about one entry, from a list of contents or from a local header."""

    name: bytes
    unicode_name: bytes
    method: int
    flags: int
    stored_bytes: int
    declared_bytes: int
    header_start: int
    data_start: int
    """For an entry from a list, this is the smallest possible value.

    The local header may have longer extra fields than the list.
    """
    mode: int = 0

    @property
    def is_encrypted(self) -> bool:
        return bool(self.flags & ENCRYPTED)

    @property
    def is_symlink(self) -> bool:
        """Whether the Unix mode is that of a link, even in an entry from Windows."""
        return stat.S_ISLNK(self.mode)

    @property
    def end(self) -> int:
        return self.data_start + self.stored_bytes

    @property
    def unpacked_bytes(self) -> int:
        """The declared size, or a computed size if the declared size must be false."""
        if self.method == STORED:
            return self.stored_bytes
        if self.method == DEFLATED:
            most = DEFLATE_RATIO * self.stored_bytes
            if self.stored_bytes > self.declared_bytes * 1.1 + 1024:
                # Deflate never makes data this much longer, so the size is false.
                return most
            return min(self.declared_bytes, most)
        return self.declared_bytes


def find_directories(file: Readable) -> list[Directory]:
    """Return every list of contents that an unpacker may use, the last list first.

    Raises Ambiguous if the lists overlap more than the lists of normal archives.
    """
    tail_start = max(0, file.byte_size - TAIL_BYTES)
    tail = file.read(tail_start, file.byte_size - tail_start)
    found: dict[tuple[int, int], Directory] = {}
    at = tail.rfind(END_MAGIC)
    while at >= 0:
        if at + END.size <= len(tail):
            for one in _directories_of(file, tail, at, tail_start + at):
                place = (one.start, one.prefix)
                if place not in found or found[place].byte_size < one.byte_size:
                    found[place] = one
        at = tail.rfind(END_MAGIC, 0, at + len(END_MAGIC) - 1)
    # Lists of inner archives never overlap with the list of the outer archive. So the
    # lists of a normal archive are together smaller than the file. The limit is twice
    # the size of the file.
    if sum(one.byte_size for one in found.values()) > 2 * file.byte_size:
        raise Ambiguous
    return list(found.values())


def read_entries(file: Readable, directory: Directory) -> Iterator[Entry]:
    """Yield the entries one by one, in the list's order. Raises BrokenArchive."""
    at, end = directory.start, directory.end
    while at < end:
        header = file.read(at, ENTRY.size)
        if len(header) < ENTRY.size or header[:4] != ENTRY_MAGIC:
            raise BrokenArchive
        fields = ENTRY.unpack(header)
        name_length, extra_length, comment_length = fields[12:15]
        rest = file.read(at + ENTRY.size, name_length + extra_length)
        at += ENTRY.size + name_length + extra_length + comment_length
        if len(rest) < name_length + extra_length or at > end:
            raise BrokenArchive
        yield _entry(fields, rest, name_length, directory.prefix)


def read_local(file: Readable, start: int) -> Entry | None:
    """Return the entry of the local header at ``start``, or None without a header."""
    header = file.read(start, LOCAL.size)
    if len(header) < LOCAL.size or header[:4] != LOCAL_MAGIC:
        return None
    fields = LOCAL.unpack(header)
    flags, method, stored, declared = fields[2], fields[3], fields[7], fields[8]
    name_length, extra_length = fields[9:11]
    rest = file.read(start + LOCAL.size, name_length + extra_length)
    name, extra = rest[:name_length], rest[name_length:]
    declared, stored, _ = _from_zip64(extra, declared, stored, 0)
    return Entry(
        name=name,
        unicode_name=_unicode_path(extra),
        method=method,
        flags=flags,
        stored_bytes=stored,
        declared_bytes=declared,
        header_start=start,
        data_start=start + LOCAL.size + name_length + extra_length,
    )


def read_local_entries(file: Readable) -> Iterator[Entry]:
    """Yield the entries of an archive that has no list, as repair tools find them.

    Stops after an entry whose local header does not state the length of its data.
    """
    start = 4 if file.read(0, 4) in {b"PK\x07\x08", b"PK00"} else 0
    while (entry := read_local(file, start)) is not None:
        yield entry
        if entry.flags & SIZE_FOLLOWS and not entry.stored_bytes:
            return
        start = entry.end


def _directories_of(
    file: Readable, tail: bytes, at: int, end: int
) -> Iterator[Directory]:
    """Yield the lists of contents to which an end record may point."""
    _, _, _, _, _, size, offset, _ = END.unpack_from(tail, at)
    yield from _readings(file, size, offset, end)
    located = file.read(end - LOCATOR64.size, LOCATOR64.size)
    if located[:4] != LOCATOR64_MAGIC:
        return
    # The locator states the position of the ZIP64 end record. This position is wrong if
    # the file has bytes before the archive. So also try the position just before the
    # locator.
    said = LOCATOR64.unpack(located)[2]
    for record_at in {end - LOCATOR64.size - END64.size, said}:
        record = file.read(record_at, END64.size)
        if len(record) == END64.size and record[:4] == END64_MAGIC:
            size, offset = END64.unpack(record)[8:10]
            yield from _readings(file, size, offset, record_at)


def _readings(file: Readable, size: int, offset: int, end: int) -> Iterator[Directory]:
    # Most programs expect the list just before the end record. Some programs use the
    # stated offset of the list.
    starts = {end - size: end - size - offset, offset: 0}
    for start, prefix in starts.items():
        if size == 0 or start < 0 or prefix < 0:
            continue
        if file.read(start, 4) == ENTRY_MAGIC:
            yield Directory(start, min(size, file.byte_size - start), prefix)


def _entry(
    fields: tuple[int, ...], rest: bytes, name_length: int, prefix: int
) -> Entry:
    flags, method = fields[5], fields[6]
    stored, declared, attributes, start = fields[10], fields[11], fields[17], fields[18]
    raw_name, extra = rest[:name_length], rest[name_length:]
    declared, stored, start = _from_zip64(extra, declared, stored, start)
    return Entry(
        name=raw_name,
        unicode_name=_unicode_path(extra),
        method=method,
        flags=flags,
        stored_bytes=stored,
        declared_bytes=declared,
        header_start=start + prefix,
        data_start=start + prefix + LOCAL.size + name_length,
        mode=attributes >> 16,
    )


def _fields_of(extra: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(extra):
        field, length = struct.unpack_from("<2H", extra, at)
        yield field, extra[at + 4 : at + 4 + length]
        at += 4 + length


def _unicode_path(extra: bytes) -> bytes:
    """Return the name from the Unicode path field. Some unpackers use this name."""
    if UNICODE_PATH_MARK in extra:
        for field, content in _fields_of(extra):
            if field == UNICODE_PATH_FIELD:
                return content[5:]  # after a version and the name's CRC-32
    return b""


def _from_zip64(extra: bytes, *said: int) -> tuple[int, int, int]:
    """Return size, stored size and offset. Read ZIP64 values from the extra field."""
    if IN_ZIP64 in said:
        for field, content in _fields_of(extra):
            if field == ZIP64_FIELD:
                whole = content[: len(content) & ~7]
                wide = iter(struct.unpack(f"<{len(whole) // 8}Q", whole))
                size, stored, start = (
                    next(wide, value) if value == IN_ZIP64 else value for value in said
                )
                return size, stored, start
    return said[0], said[1], said[2]
