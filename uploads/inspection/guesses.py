"""Returns the content type for an ending of a name, and the ending for a type.

The table is Python's own table with a few additions. This module does not read the
table of the operating system, so that a file has the same type on every machine.
"""

from __future__ import annotations

from mimetypes import MimeTypes
from pathlib import PurePosixPath

UNKNOWN = "application/octet-stream"

_OFFICE = "application/vnd.openxmlformats-officedocument"
_LACKING = {
    ".7z": "application/x-7z-compressed",
    ".bz2": "application/x-bzip2",
    ".avif": "image/avif",
    ".docx": f"{_OFFICE}.wordprocessingml.document",
    ".epub": "application/epub+zip",
    ".flac": "audio/flac",
    ".gz": "application/gzip",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".m4a": "audio/mp4",
    ".md": "text/markdown",
    ".mkv": "video/x-matroska",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ogg": "audio/ogg",
    ".pptx": f"{_OFFICE}.presentationml.presentation",
    ".psd": "image/vnd.adobe.photoshop",
    ".rar": "application/vnd.rar",
    ".rtf": "application/rtf",
    ".tgz": "application/gzip",
    ".wav": "audio/wav",
    ".webp": "image/webp",
    ".xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    ".xz": "application/x-xz",
    ".zst": "application/zstd",
}

_TABLE = MimeTypes()
for _extension, _content_type in _LACKING.items():
    _TABLE.add_type(_content_type, _extension)


def type_of(filename: str) -> str:
    """Return the type for the ending of ``filename``, or UNKNOWN."""
    # Do not use guess_type, because it reads a name such as "data:text/html" as a URL.
    return type_of_ending(PurePosixPath(filename).suffix[1:]) or UNKNOWN


def type_of_ending(extension: str) -> str:
    """Return the type of files with this ending (without its dot), or ``""``."""
    return _TABLE.types_map[True].get(f".{extension.lower()}", "")


def knows(extension: str) -> bool:
    """Return whether the table has a type for this ending (without its dot)."""
    return type_of_ending(extension) not in {"", UNKNOWN}


def ending_of(content_type: str) -> str:
    """Return the ending of files of this type, with its dot, or ``""``."""
    return _TABLE.guess_extension(content_type) or ""
