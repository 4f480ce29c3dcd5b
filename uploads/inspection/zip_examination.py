"""Checks a ZIP archive: its lists of contents, local headers, links and inner archives.

First it reads the lists. Then it reads the local headers in their order in the file, so
that it reads each block of the object only once.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from uploads.inspection.budget import OverBudget
from uploads.inspection.ranges import InMemory, Readable, Window
from uploads.inspection.verdicts import Sample
from uploads.inspection.zip_contents import Contents, Place, in_file_order
from uploads.inspection.zip_directory import (
    DEFLATED,
    END_MAGIC,
    LOCAL_MAGIC,
    STORED,
    Ambiguous,
    BrokenArchive,
    Directory,
    Entry,
    find_directories,
    read_entries,
    read_local,
    read_local_entries,
)
from uploads.inspection.zip_links import Links, TooTangled, read_target
from uploads.inspection.zip_names import has_parent, leaves_folder, readable

GB, MB = 1000**3, 1000**2
MIB = 1024**2

SMALLEST = 22
"""Number of bytes of an empty ZIP archive. No other ZIP archive is smaller."""

HEAD_BYTES = 512
"""Number of compressed bytes that are enough to unpack four bytes of the content."""

ZIP_MAGICS = (LOCAL_MAGIC, END_MAGIC)
MAX_INFLATED_ONE, MAX_INFLATED = 16 * MIB, 64 * MIB
"""Maximum unpacked size of an inner archive, and total size that ends the unpacking."""

CHECK_EVERY = 1024
LIST_NOTE = "The archive's list of contents was checked only in part."
LOCAL_NOTE = "Not all files in the archive were checked."
OVERLAP = (
    "In this archive, the data of two files overlaps. Unpacking such an archive can "
    "fill a disk. Pack the files again, then upload the new archive."
)
AMBIGUOUS = (
    "This archive has several lists of its contents, so two programs can unpack "
    "different files. Pack the files again, then upload the new archive."
)
TANGLED = (
    "This archive has too many links that point to other links. Replace the links "
    "with the files themselves, pack the archive again, then upload the new archive."
)


class Harmful(Exception):  # noqa: N818  as in errors.py
    """The archive breaks a rule. The text is a message for its owner."""


@dataclass(frozen=True)
class Limits:
    """The options of ArchiveInspector."""

    max_ratio: int
    bomb_bytes: int
    max_depth: int
    max_list_bytes: int
    allow_symlinks: bool


class Examination:
    """Checks one object and all its inner archives."""

    def __init__(self, limits: Limits, sample: Sample) -> None:
        self.limits = limits
        self.is_damaged = False
        self._packed = max(1, sample.byte_size)
        self._check = sample.budget.check
        self._unpacked = 0
        self._inflated = 0
        self._ticks = 0

    def examine(
        self, file: Readable, *, depth: int = 0, bombs_only: bool = False
    ) -> None:
        """Check an archive. Raises Harmful, and OverBudget with a note."""
        if depth > self.limits.max_depth:
            raise Harmful(
                f"This archive has more than {self.limits.max_depth} levels of "
                "archives inside archives. Upload the inner archives themselves."
            )
        archive = _Archive(self, file, depth, bombs_only=bombs_only)
        try:
            directories = find_directories(file)
        except Ambiguous:
            raise Harmful(AMBIGUOUS) from None
        if directories:
            archive.examine(directories)
        elif depth == 0 and file.byte_size > SMALLEST:
            self.is_damaged = True
            archive.examine_without_list()

    def require_no_bomb(self, more: int) -> None:
        """Raise Harmful if the counted bytes plus ``more`` exceed the limits."""
        total = self._unpacked + more
        limits = self.limits
        if total >= limits.bomb_bytes and total > limits.max_ratio * self._packed:
            raise Harmful(bomb_words(total, limits.max_ratio))

    def count(self, byte_count: int) -> None:
        """Count bytes that an archive unpacks to. Raises Harmful for a bomb."""
        self._unpacked += byte_count
        self.require_no_bomb(0)

    def inflate(self, data: bytes) -> bytes | None:
        """Return an unpacked inner archive, or None if it is too large or broken."""
        if self._inflated > MAX_INFLATED:
            return None
        try:
            stream = zlib.decompressobj(-zlib.MAX_WBITS)
            found = stream.decompress(data, MAX_INFLATED_ONE)
        except zlib.error:
            return None
        self._inflated += len(found)
        return found if stream.eof else None

    def tick(self) -> None:
        """Check the time budget every CHECK_EVERY calls. Raises OverBudget."""
        self._ticks += 1
        if self._ticks % CHECK_EVERY == 0:
            self._check()


class _Archive:
    """Checks one archive, which unpackers unpack into one folder."""

    def __init__(
        self, whole: Examination, file: Readable, depth: int, *, bombs_only: bool
    ) -> None:
        self._whole = whole
        self._file = file
        self._depth = depth
        self._bombs_only = bombs_only
        self._links = Links(whole.tick)
        self._name_with_parent: bytes | None = None

    def examine(self, directories: list[Directory]) -> None:
        """Check all lists that an unpacker may use, and all their entries."""
        lists, declared = [], 0
        for directory in directories:
            contents, of_this = self._read_list(directory)
            lists.append(contents)
            declared = max(declared, of_this)
        self._whole.count(declared)
        seen = -1
        try:
            for place in in_file_order(lists):
                self._whole.tick()
                if place.start != seen or place.link:
                    self._visit(place, is_only_list=len(lists) == 1)
                seen = place.start
        except OverBudget as error:
            raise OverBudget(error.note or LOCAL_NOTE) from error
        self._require_links_inside()

    def examine_without_list(self) -> None:
        """Check the entries that repair tools find in an archive without a list."""
        for local in read_local_entries(self._file):
            self._whole.tick()
            self._require_name(local)
            self._whole.count(local.unpacked_bytes)

    def _read_list(self, directory: Directory) -> tuple[Contents, int]:
        contents = Contents(directory)
        declared = 0
        try:
            if directory.byte_size > self._whole.limits.max_list_bytes:
                raise OverBudget
            for entry in read_entries(self._file, directory):
                self._whole.tick()
                self._require_name(entry)
                contents.add(entry)
                declared += entry.unpacked_bytes
                self._whole.require_no_bomb(declared)
        except BrokenArchive:
            # Unpackers unpack the entries before the broken entry, so check these.
            self._whole.is_damaged = True
        except OverBudget as error:
            raise OverBudget(LIST_NOTE) from error
        return contents, declared

    def _visit(self, place: Place, *, is_only_list: bool) -> None:
        """Check an entry at its position in the file."""
        local = read_local(self._file, place.start)
        if local is None:
            self._whole.is_damaged |= is_only_list
            return
        self._require_name(local)
        end = max(place.least_end, local.data_start + place.stored_bytes)
        if end > place.following:
            if self._bombs_only:
                return  # many entries may share these bytes, so do not open each entry
            raise Harmful(OVERLAP)
        if place.link is not None:
            self._take_link(place.link, local)
        elif place.stored_bytes >= SMALLEST:
            self._open(place, local.data_start)

    def _open(self, place: Place, data_start: int) -> None:
        """Check the entry's content if it is a ZIP archive."""
        data = Window(self._file.read, data_start, place.stored_bytes)
        head = data.read(0, HEAD_BYTES)
        if place.method == STORED and head.startswith(ZIP_MAGICS):
            self._whole.examine(
                data, depth=self._depth + 1, bombs_only=self._bombs_only
            )
        elif (
            place.method == DEFLATED
            and place.stored_bytes <= MAX_INFLATED_ONE
            and _inflates_to_zip(head)
        ):
            content = self._whole.inflate(data.read(0, place.stored_bytes))
            if content is not None:
                # Check only sizes in the inner archive, and not names. Unpacking the
                # outer archive does not create the files of the inner archive.
                self._whole.examine(
                    InMemory(content), depth=self._depth + 1, bombs_only=True
                )

    def _require_name(self, entry: Entry) -> None:
        if self._bombs_only:
            return
        for name in (entry.name, entry.unicode_name):
            if leaves_folder(name):
                raise Harmful(
                    f"This archive contains {readable(name)}. Unpacking would put this "
                    "file outside of the target folder. Rename the file and pack "
                    "the archive again."
                )
            if has_parent(name):
                self._name_with_parent = name

    def _take_link(self, link: Entry, local: Entry) -> None:
        if self._bombs_only or self._whole.limits.allow_symlinks:
            return
        target = read_target(self._file, link, local.data_start)
        if target is None:
            return
        for name in {link.name, local.name, link.unicode_name} - {b""}:
            self._links.add(name, target.rstrip(b"\0"))

    def _require_links_inside(self) -> None:
        if not self._links:
            return
        try:
            found = self._links.find_leaving()
        except TooTangled:
            raise Harmful(TANGLED) from None
        if found is not None:
            raise Harmful(
                f"This archive contains {readable(found[0])}, a link to "
                f"{readable(found[1])}, which is outside of the archive. Replace the "
                "link with the file itself, and pack the archive again."
            )
        if self._name_with_parent is not None:
            raise Harmful(
                f"This archive contains {readable(self._name_with_parent)} and links. "
                "Because of the links, unpacking could put this file outside of the "
                "target folder. Rename the file and pack the archive again."
            )


def bomb_words(unpacked: int, max_ratio: int) -> str:
    """Return the message for the owner of an archive that is a bomb."""
    return (
        f"This archive unpacks to {_size(unpacked)} or more, over {max_ratio} times "
        "its own size. Unpacking it can fill a disk. Upload the files themselves."
    )


def _inflates_to_zip(head: bytes) -> bool:
    try:
        first = zlib.decompressobj(-zlib.MAX_WBITS).decompress(head, 4)
    except zlib.error:
        return False
    return first.startswith(ZIP_MAGICS)


def _size(count: int) -> str:
    for unit, word in ((GB, "GB"), (MB, "MB"), (1000, "kB")):
        if count >= unit:
            return f"{count / unit:,.0f} {word}"
    return f"{count} bytes"
