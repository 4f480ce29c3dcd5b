"""Which entries of an archive are archives themselves."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from uploads.inspection.extensions import extension_of, words
from uploads.inspection.zip_directory import (
    DEFLATED,
    STORED,
    Entry,
    Readable,
    data_start,
)

DOCUMENTS = words(
    "cbz docm docx dotm dotx epub kmz odg odp ods odt ott potx ppsx pptm pptx vsdx xlsb "
    "xlsm xlsx xltx"
)
"""ZIP archives that people know as documents."""

ZIPPED = DOCUMENTS | words("aab apk ear ipa jar nupkg war whl xpi zip")
PACKED = ZIPPED | words("7z bz2 cab gz lz4 rar tbz2 tgz txz xz z zst")
ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
PACKED_MAGIC = (
    *ZIP_MAGIC,
    b"\x1f\x8b\x08",
    b"BZh",
    b"\xfd7zXZ\x00",
    b"7z\xbc\xaf",
    b"Rar!",
)
MAGIC_BYTES = 6

FEW = 16
"""Entries of a short list are known by their first bytes, not only by name."""


def archives_among(file: Readable, entries: list[Entry]) -> Iterator[Entry]:
    """Yield those that are archives: by name, or in a short list by first bytes."""
    for entry in entries:
        if entry.stored_bytes == 0:
            continue
        if entry.method == STORED and not entry.is_encrypted:
            start = data_start(file, entry)
            if file.read(start, MAGIC_BYTES).startswith(ZIP_MAGIC):
                yield entry
        elif extension_of(entry.name) in PACKED or _begins_packed(file, entry):
            yield entry


def _begins_packed(file: Readable, entry: Entry) -> bool:
    """Return whether a deflated entry is an archive; six bytes of it are inflated."""
    if entry.method != DEFLATED or entry.is_encrypted:
        return False
    head = file.read(data_start(file, entry), 512)
    try:
        first = zlib.decompressobj(-zlib.MAX_WBITS).decompress(head, MAGIC_BYTES)
    except zlib.error:
        return False
    return first.startswith(PACKED_MAGIC)
