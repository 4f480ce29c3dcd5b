"""Finds names with which an unpacker would write a file outside of its folder."""

from __future__ import annotations

import re

SUSPECT = re.compile(rb"\.\.|^[\s./]*[/\\]|^[\s./]*[A-Za-z]:(?!:)|[\xc0\xc1]")
"""A fast first check. It matches all harmful names, and some harmless names."""

UP = re.compile(rb"\s*\.\.(?:\s[\s.]*)?")
"""Matches the parent folder ``..``. Some programs ignore spaces and dots around it."""

ABSOLUTE = re.compile(rb"\s*(?:\./)*(?:[/\\]|[A-Za-z]:(?!:))")
ONLY_SLASHES = re.compile(rb"[/\\]+")
SEPARATORS = (re.compile(rb"/"), re.compile(rb"[/\\]"))
"""Separators of folders, on Unix and on Windows. Windows also accepts a backslash."""

OVERLONG = {b"\xc0\xae": b".", b"\xc0\xaf": b"/", b"\xc1\x9c": b"\\"}
"""Maps invalid UTF-8 to the characters that some decoders return for it."""


def leaves_folder(name: bytes) -> bool:
    """Return whether an unpacker could write a file of this name outside its folder."""
    if not SUSPECT.search(name):
        return False
    for bytes_, meant in OVERLONG.items():
        name = name.replace(bytes_, meant)
    # Programs in C end a name at the first zero byte.
    return any(_leaves(reading) for reading in {name, name.split(b"\0")[0]})


def has_parent(name: bytes) -> bool:
    """Return whether one of the folders in the name is the parent folder (``..``)."""
    return b".." in name and any(map(UP.fullmatch, SEPARATORS[1].split(name)))


def parts(name: bytes) -> list[bytes]:
    """Return the folders and the file of a name. A backslash is a separator too."""
    return [part for part in SEPARATORS[1].split(name) if part not in {b"", b"."}]


def readable(name: bytes) -> str:
    """Return at most 40 printable characters of a name, for a message."""
    text = name.decode("utf-8", "replace")
    text = "".join(char if char.isprintable() else "?" for char in text)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _leaves(name: bytes) -> bool:
    if ONLY_SLASHES.fullmatch(name):
        return False  # This name means the folder itself. Dropbox writes this name.
    if ABSOLUTE.match(name):
        return True
    return any(_goes_above(separator.split(name)) for separator in SEPARATORS)


def _goes_above(folders: list[bytes]) -> bool:
    depth = 0
    for folder in folders:
        if UP.fullmatch(folder):
            depth -= 1
        elif folder not in {b"", b"."}:
            depth += 1
        if depth < 0:
            return True
    return False
