"""Archives that would hurt whoever unpacks them: judged by their own lists.

Nothing is unpacked here, so nothing can explode. A list may lie; then no program
that unpacks by it gets more than it says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from uploads.inspection.extensions import extension_of
from uploads.inspection.inner_archives import (
    DOCUMENTS,
    FEW,
    PACKED,
    ZIPPED,
    archives_among,
)
from uploads.inspection.ranges import BlockReader, Window
from uploads.inspection.verdicts import ACCEPTED, Sample, Verdict, refused
from uploads.inspection.zip_directory import (
    STORED,
    BrokenArchive,
    Directory,
    Entry,
    Readable,
    data_start,
    find_directory,
    read_entries,
)

MB = 1000**2
GB = 1000**3

ZIP_TYPE = "application/zip"
GZIP_TYPE = "application/gzip"
SELF_EXTRACTING = "application/vnd.microsoft.portable-executable"
DEFLATE_RATIO = 1032
"""The most that deflate can pack: 258 bytes in 2 bits."""

OUTSIDE = re.compile(r"(?:^|[/\\])\.\.(?:[/\\]|$)|^[/\\]|^[A-Za-z]:[/\\]|\x00")


class _Refused(Exception):  # noqa: N818  as in errors.py
    """The archive breaks a rule; the text is for its owner."""


@dataclass
class _Total:
    """What an archive and the archives in it add up to."""

    entries: int = 0
    declared_bytes: int = 0
    archives: int = 0


class ArchiveInspector:
    """Refuses archives that break one of these rules, in ZIP archives and gzip files.

    ``max_entries``: files, with those of inner archives.
    ``max_directory_bytes``: length of one list of contents.
    ``max_declared_bytes``: what it all unpacks to, by the list.
    ``max_ratio``: unpacked to packed, from ``bomb_bytes`` of unpacked on.
    ``max_depth``: archives in archives; only such as are not compressed once more
    can be followed, up to ``max_archives`` of them.
    ``max_inner_ratio``: how far an archive in an archive may be compressed again.
    ``allow_symlinks``: entries that lead elsewhere when unpacked.
    """

    name = "Archives"
    slow = False

    def __init__(
        self,
        *,
        max_entries: int = 50_000,
        max_directory_bytes: int = 16 * 1024**2,
        max_declared_bytes: int = 1000 * GB,
        max_ratio: int = 100,
        bomb_bytes: int = 100 * MB,
        max_depth: int = 5,
        max_archives: int = 1000,
        max_inner_ratio: int = 3,
        allow_symlinks: bool = False,
    ) -> None:
        self.max_entries = max_entries
        self.max_directory_bytes = max_directory_bytes
        self.max_declared_bytes = max_declared_bytes
        self.max_ratio = max_ratio
        self.bomb_bytes = bomb_bytes
        self.max_depth = max_depth
        self.max_archives = max_archives
        self.max_inner_ratio = max_inner_ratio
        self.allow_symlinks = allow_symlinks

    def wants(self, sample: Sample) -> bool:
        return sample.detected_type == GZIP_TYPE or may_be_zip(sample)

    def inspect(self, sample: Sample) -> Verdict:
        if sample.detected_type == GZIP_TYPE:
            return self._inspect_gzip(sample)
        claims = sample.detected_type == ZIP_TYPE and _claims_zip(sample)
        file = BlockReader(sample.read, sample.byte_size, head=sample.head)
        try:
            self._inspect_zip(file, depth=0, total=_Total())
        except BrokenArchive as error:
            # What does not say that it is an archive may end as it likes.
            return refused(f"This archive is damaged. {error}") if claims else ACCEPTED
        except _Refused as error:
            return refused(str(error))
        return ACCEPTED

    def _inspect_gzip(self, sample: Sample) -> Verdict:
        """Judge by the last four bytes: the unpacked size, modulo 4 GiB."""
        trailer = sample.read(max(0, sample.byte_size - 4), 4)
        declared = int.from_bytes(trailer, "little")
        # Deflate cannot do more: then these bytes are not the size, but the end of
        # a file that breaks off, or something behind it.
        is_size = declared <= DEFLATE_RATIO * sample.byte_size
        if is_size and self._is_bomb(declared, sample.byte_size):
            return refused(self._bomb(declared, sample.byte_size))
        return ACCEPTED

    def _inspect_zip(self, file: Readable, *, depth: int, total: _Total) -> None:
        directory = find_directory(file)
        self._require_short(directory, total)
        spans: list[tuple[int, int]] = []
        stored = declared = 0
        inner: list[Entry] = []
        for entry in read_entries(file, directory):
            self._require_plain(entry)
            total.entries += 1
            self._require_few(total.entries)
            spans.append((entry.header_start, entry.end))
            stored += entry.stored_bytes
            declared += entry.declared_bytes
            if extension_of(entry.name) in PACKED or directory.entry_count <= FEW:
                inner.append(entry)
        _require_apart(spans, directory.start)
        total.declared_bytes += declared
        if total.declared_bytes > self.max_declared_bytes:
            raise _Refused(
                f"This archive unpacks to {_size(total.declared_bytes)}; "
                f"{_size(self.max_declared_bytes)} is the most that may be."
            )
        if self._is_bomb(declared, stored):
            raise _Refused(self._bomb(declared, stored))
        for entry in archives_among(file, inner):
            self._follow(file, entry, len(spans), depth=depth + 1, total=total)

    def _follow(
        self, file: Readable, entry: Entry, siblings: int, *, depth: int, total: _Total
    ) -> None:
        """Judge an archive in an archive, where it can be read by what it says."""
        if entry.method != STORED or entry.is_encrypted:
            self._require_thin(entry, siblings)
            return
        if depth > self.max_depth:
            raise _Refused(
                f"This archive holds archives in archives, more than {self.max_depth} "
                "deep: upload the inner ones themselves."
            )
        total.archives += 1
        if total.archives > self.max_archives:
            raise _Refused(
                f"This archive holds more than {self.max_archives} archives: upload "
                "them themselves."
            )
        window = Window(file.read, data_start(file, entry), entry.stored_bytes)
        try:
            self._inspect_zip(window, depth=depth, total=total)
        except BrokenArchive:
            return  # nothing that could be unpacked

    def _require_thin(self, entry: Entry, siblings: int) -> None:
        """Refuse the signs of a bomb in layers, which cannot be seen from outside."""
        if entry.declared_bytes > self.max_inner_ratio * max(1, entry.stored_bytes):
            raise _Refused(
                f"This archive holds {_short(entry.name)}, an archive that is compressed "
                f"more than {self.max_inner_ratio} to 1 once again, as archives that "
                "explode are: upload that one itself."
            )
        if siblings == 1 and extension_of(entry.name) not in DOCUMENTS:
            raise _Refused(
                f"This archive holds nothing but another archive, {_short(entry.name)}: "
                "upload that one itself."
            )

    def _require_short(self, directory: Directory, total: _Total) -> None:
        # Before anything of the list is read.
        self._require_few(total.entries + directory.entry_count)
        if directory.byte_size > self.max_directory_bytes:
            raise _Refused(
                f"This archive's list of contents is {_size(directory.byte_size)} long; "
                f"{_size(self.max_directory_bytes)} is the most that may be."
            )

    def _require_few(self, entries: int) -> None:
        if entries > self.max_entries:
            raise _Refused(
                f"This archive holds more than {self.max_entries:,} files: upload it in "
                "several."
            )

    def _require_plain(self, entry: Entry) -> None:
        if OUTSIDE.search(entry.name):
            raise _Refused(
                f"This archive holds {_short(entry.name)}, which would be unpacked "
                "outside of its folder."
            )
        if entry.is_symlink and not self.allow_symlinks:
            raise _Refused(
                f"This archive holds a symbolic link, {_short(entry.name)}, which would "
                "lead elsewhere when it is unpacked."
            )

    def _is_bomb(self, declared: int, stored: int) -> bool:
        return declared >= self.bomb_bytes and declared > self.max_ratio * max(
            1, stored
        )

    def _bomb(self, declared: int, stored: int) -> str:
        return (
            f"It unpacks from {_size(stored)} to {_size(declared)}, more than "
            f"{self.max_ratio} times its size, as archives do that are made to explode."
        )


def _require_apart(spans: list[tuple[int, int]], end: int) -> None:
    """Refuse entries that share bytes: few bytes on disk for many unpacked."""
    spans.sort()
    for (_, last), (start, _) in pairwise([*spans, (end, end)]):
        if start < last:
            raise _Refused(
                "Entries of this archive overlap, as in archives that are made to "
                "explode."
            )


def may_be_zip(sample: Sample) -> bool:
    """Return whether it begins as a ZIP archive may, or says that it is one."""
    return sample.detected_type in {ZIP_TYPE, SELF_EXTRACTING} or _claims_zip(sample)


def _claims_zip(sample: Sample) -> bool:
    declared = sample.content_type
    return (
        extension_of(sample.filename) in ZIPPED
        or "zip" in declared
        or "opendocument" in declared
        or "openxmlformats" in declared
    )


def _short(name: str) -> str:
    printable = "".join(char if char.isprintable() else "?" for char in name)
    return printable if len(printable) <= 40 else f"{printable[:37]}..."


def _size(count: int) -> str:
    for unit, word in ((GB, "GB"), (MB, "MB"), (1000, "kB")):
        if count >= unit:
            return f"{count / unit:,.0f} {word}"
    return f"{count} bytes"
