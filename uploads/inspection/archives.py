"""Refuses archives that would harm the person who unpacks them.

The server unpacks no archive to a disk. The rules protect people and programs that
unpack the archive later. They refuse bombs, which are small archives that unpack to a
huge size. They also refuse entries that share bytes, and names and links that lead out
of the folder to which the archive is unpacked.
"""

from __future__ import annotations

from math import inf

from uploads.inspection import gzip_files
from uploads.inspection.extensions import extension_of, words
from uploads.inspection.ranges import BlockReader
from uploads.inspection.verdicts import ACCEPTED, Sample, Verdict, refused
from uploads.inspection.zip_directory import (
    END_MAGIC,
    LOCAL_MAGIC,
    TAIL_BYTES,
    Ambiguous,
    BrokenArchive,
    find_directories,
    read_entries,
)
from uploads.inspection.zip_examination import (
    Examination,
    Harmful,
    Limits,
    bomb_words,
)

MB = 1000**2
MIB = 1024**2

ZIPPED = words(
    "aab apk cbz docm docx dotm dotx ear epub ipa jar kmz nupkg odg odp ods odt ott "
    "potx ppsx pptm pptx vsdx war whl xlsb xlsm xlsx xltx xpi zip"
)
"""Extensions of files that are ZIP archives."""

ZIP_MAGICS = (LOCAL_MAGIC, END_MAGIC, b"PK\x07\x08", b"PK00")
PROGRAMS = (b"MZ", b"\x7fELF", b"#!")
"""First bytes of programs.

Some programs end with a ZIP archive, and some unpackers can unpack such a program.
"""

UNKNOWN = {"", "application/octet-stream"}
DAMAGED = "The archive is damaged. Only its readable part was checked."
INLINE_BLOCK, INLINE_BLOCKS = MIB, 16
BLOCK, BLOCKS = 4 * MIB, 4
MAX_LARGEST_LIST = 64 * MIB


class ArchiveInspector:
    """Refuses ZIP archives and gzip files that harm the person who unpacks them.

    ``max_ratio``: the largest ratio of unpacked to packed size. It applies only if the
    unpacked size is at least ``bomb_bytes``.
    ``max_depth``: the largest number of archives that are nested in each other.
    ``max_list_bytes``: the largest list of contents in bytes. A larger list exceeds the
    budget of the inspection.
    ``allow_symlinks``: whether links that lead out of the archive are accepted.
    """

    name = "Archives"
    slow = False

    def __init__(
        self,
        *,
        max_ratio: int = 100,
        bomb_bytes: int = 100 * MB,
        max_depth: int = 16,
        max_list_bytes: int = 64 * MIB,
        allow_symlinks: bool = False,
    ) -> None:
        self.limits = Limits(
            max_ratio=max_ratio,
            bomb_bytes=bomb_bytes,
            max_depth=max_depth,
            max_list_bytes=max_list_bytes,
            allow_symlinks=allow_symlinks,
        )

    def wants(self, sample: Sample) -> bool:
        return (
            sample.head.startswith(gzip_files.MAGIC)
            or may_be_zip(sample)
            or sample.detected_type in UNKNOWN
        )

    def inspect(self, sample: Sample) -> Verdict:
        try:
            if sample.head.startswith(gzip_files.MAGIC):
                self._inspect_gzip(sample)
            if may_be_zip(sample) or _ends_as_zip(sample):
                return self._inspect_zip(sample)
        except Harmful as error:
            return refused(str(error))
        return ACCEPTED

    def _inspect_gzip(self, sample: Sample) -> None:
        limits = self.limits
        enough = max(limits.bomb_bytes - 1, limits.max_ratio * sample.byte_size)
        if gzip_files.unpacked_bytes(sample, enough=enough) > enough:
            raise Harmful(bomb_words(enough, limits.max_ratio))

    def _inspect_zip(self, sample: Sample) -> Verdict:
        examination = Examination(self.limits, sample)
        examination.examine(reader_of(sample))
        # Report damage only if the file begins like a ZIP archive. A file with another
        # beginning may have another format.
        is_zip = sample.head.startswith(ZIP_MAGICS)
        if examination.is_damaged and is_zip:
            return Verdict(accepted=True, reason=DAMAGED)
        return ACCEPTED


def may_be_zip(sample: Sample) -> bool:
    """Return whether first bytes, name or declared type suggest a ZIP archive."""
    declared = sample.content_type
    return (
        sample.head.startswith((*ZIP_MAGICS, *PROGRAMS))
        or extension_of(sample.filename) in ZIPPED
        or "zip" in declared.replace("gzip", "")
        or "opendocument" in declared
        or "openxmlformats" in declared
    )


def is_judged_alike(sample: Sample, other: Sample) -> bool:
    """Return whether the rules for archives treat both samples in the same way.

    A rename calls this function, because a new name can turn these rules on or off.
    """
    return may_be_zip(sample) == may_be_zip(other)


def reader_of(sample: Sample) -> BlockReader:
    """Return a reader of the object. Its blocks are smaller inside a request."""
    inline = sample.budget.is_inline
    return BlockReader(
        sample.read,
        sample.byte_size,
        head=sample.head,
        block=INLINE_BLOCK if inline else BLOCK,
        max_blocks=INLINE_BLOCKS if inline else BLOCKS,
    )


def largest_member(sample: Sample) -> float:
    """Return the largest declared size of a file in a ZIP archive, or 0 without a ZIP.

    Returns infinity if the lists of contents are ambiguous or too long to be read.
    """
    if not may_be_zip(sample):
        return 0
    file = reader_of(sample)
    largest = 0
    try:
        for directory in find_directories(file):
            if directory.byte_size > MAX_LARGEST_LIST:
                return inf
            for entry in read_entries(file, directory):
                largest = max(largest, entry.declared_bytes)
    except Ambiguous:
        return inf
    except BrokenArchive:
        pass
    return largest


def _ends_as_zip(sample: Sample) -> bool:
    """Return whether a binary file of unknown type ends like a ZIP archive."""
    if sample.detected_type not in UNKNOWN or b"\0" not in sample.head:
        return False
    start = max(0, sample.byte_size - TAIL_BYTES)
    # rfind needs a quarter of the time that the operator ``in`` needs.
    return sample.read(start, TAIL_BYTES).rfind(END_MAGIC) >= 0
