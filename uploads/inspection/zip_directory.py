"""A ZIP archive's list of contents, read from its end; nothing is unpacked.

Sources: PKWARE's APPNOTE, sections 4.3.12 to 4.3.16 and 4.5.3. Own code rather than
zipfile's, which loads the whole list before anybody can count it.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from uploads.inspection.ranges import BlockReader, Window

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

MAX_COMMENT = 0xFFFF
IN_ZIP64 = 0xFFFF_FFFF
ZIP64_FIELD = 0x0001
STORED, DEFLATED = 0, 8
ENCRYPTED = 0x1
UNIX = 3

Readable = BlockReader | Window


class BrokenArchive(Exception):  # noqa: N818  as in errors.py
    """No list of contents, or one that contradicts the bytes around it."""


@dataclass(frozen=True)
class Directory:
    """Where the list of contents is; ``prefix`` bytes of something else come first."""

    start: int
    byte_size: int
    entry_count: int
    prefix: int


@dataclass(frozen=True)
class Entry:
    """One line of the list: what it declares, and where its local header begins."""

    name: str
    method: int
    flags: int
    stored_bytes: int
    declared_bytes: int
    header_start: int
    header_bytes: int  # at least: local extra fields may be longer
    is_symlink: bool

    @property
    def is_encrypted(self) -> bool:
        return bool(self.flags & ENCRYPTED)

    @property
    def end(self) -> int:
        """The first byte behind its local header and its data, at the least."""
        return self.header_start + self.header_bytes + self.stored_bytes


def find_directory(file: Readable) -> Directory:
    """Return where the list of contents is. Raises BrokenArchive."""
    tail_start = max(0, file.byte_size - END.size - MAX_COMMENT)
    tail = file.read(tail_start, file.byte_size - tail_start)
    at = _find_end(tail)
    _, disk, first_disk, _, count, size, start, _ = END.unpack_from(tail, at)
    end = tail_start + at
    located = file.read(end - LOCATOR64.size, LOCATOR64.size)
    if located[:4] == LOCATOR64_MAGIC:
        disk, first_disk, count, size, start, end = _end64(file, located, end)
    if disk or first_disk:
        raise BrokenArchive("It is one volume of an archive in several.")
    # Self-extracting archives have a program in front, and offsets count without it.
    prefix = end - size - start
    if prefix < 0:
        raise BrokenArchive("Its list of contents lies outside of it.")
    return Directory(start + prefix, size, count, prefix)


def read_entries(file: Readable, directory: Directory) -> Iterator[Entry]:
    """Yield the entries one by one, in the list's order. Raises BrokenArchive."""
    at, end = directory.start, directory.start + directory.byte_size
    while at < end:
        header = file.read(at, ENTRY.size)
        if len(header) < ENTRY.size or header[:4] != ENTRY_MAGIC:
            raise BrokenArchive("Its list of contents is damaged.")
        fields = ENTRY.unpack(header)
        name_length, extra_length, comment_length = fields[12:15]
        rest = file.read(at + ENTRY.size, name_length + extra_length)
        at += ENTRY.size + name_length + extra_length + comment_length
        if len(rest) < name_length + extra_length or at > end:
            raise BrokenArchive("Its list of contents breaks off.")
        yield _entry(fields, rest, name_length, directory.prefix)


def data_start(file: Readable, entry: Entry) -> int:
    """Return where the data of ``entry`` begins. Raises BrokenArchive."""
    header = file.read(entry.header_start, LOCAL.size)
    if len(header) < LOCAL.size or header[:4] != LOCAL_MAGIC:
        raise BrokenArchive(f"{entry.name} is not where the list of contents says.")
    name_length, extra_length = LOCAL.unpack(header)[9:11]
    return int(entry.header_start + LOCAL.size + name_length + extra_length)


def _find_end(tail: bytes) -> int:
    at = tail.rfind(END_MAGIC)
    if at < 0 or at + END.size > len(tail):
        raise BrokenArchive("It has no list of contents: its end is missing.")
    return at


def _end64(
    file: Readable, located: bytes, end: int
) -> tuple[int, int, int, int, int, int]:
    """Return disk, first disk, count, size and start of the list, and its end."""
    # Its own offset does not count what stands in front, so it is tried where it
    # says, and where it must be when nothing extends it.
    _, _, said, _ = LOCATOR64.unpack(located)
    for at in (end - LOCATOR64.size - END64.size, said):
        record = file.read(at, END64.size)
        if len(record) == END64.size and record[:4] == END64_MAGIC:
            disk, first_disk, _, count, size, start = END64.unpack(record)[4:]
            return disk, first_disk, count, size, start, at
    raise BrokenArchive("Its list of contents is not where it says.")


def _entry(
    fields: tuple[int, ...], rest: bytes, name_length: int, prefix: int
) -> Entry:
    made_by, flags, method = fields[2], fields[5], fields[6]
    stored, declared, attributes, start = fields[10], fields[11], fields[17], fields[18]
    raw_name, extra = rest[:name_length], rest[name_length:]
    declared, stored, start = _from_zip64(extra, declared, stored, start)
    return Entry(
        name=raw_name.decode("utf-8", "replace"),
        method=method,
        flags=flags,
        stored_bytes=stored,
        declared_bytes=declared,
        header_start=start + prefix,
        header_bytes=LOCAL.size + name_length,
        is_symlink=made_by == UNIX and stat.S_ISLNK(attributes >> 16),
    )


def _from_zip64(extra: bytes, *said: int) -> tuple[int, int, int]:
    """Return size, stored size and offset, the ones too large from the extra field."""
    if IN_ZIP64 not in said:
        return said[0], said[1], said[2]
    at = 0
    while at + 4 <= len(extra):
        field, length = struct.unpack_from("<2H", extra, at)
        if field == ZIP64_FIELD:
            found = extra[at + 4 : at + 4 + length]
            wide = iter(struct.unpack(f"<{len(found) // 8}Q", found[: len(found) & ~7]))
            size, stored, start = (
                next(wide, value) if value == IN_ZIP64 else value for value in said
            )
            return size, stored, start
        at += 4 + length
    return said[0], said[1], said[2]
