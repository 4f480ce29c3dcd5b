"""Detects a file's type by its first bytes, with active_content.py and libmagic."""

from __future__ import annotations

from collections.abc import Sequence

from uploads.inspection.active_content import find_active, is_text
from uploads.inspection.content_types import PACKED, PROGRAMS, canonical
from uploads.inspection.detector import DetectorUnavailableError, detector
from uploads.inspection.odd_texts import is_mostly_text, is_wide
from uploads.inspection.rare_types import find_rare_type, find_written_picture

HEAD_BYTES = 4096
"""Number of first bytes that the detection reads. They are the head of the file."""

TEXT_BYTES = 1024
"""libmagic gets only this number of bytes of a text, because it is slow for texts."""

WRITTEN = frozenset(
    {
        "application/json",
        "application/pdf",
        "application/postscript",
        "application/rtf",
        "application/x-bittorrent",
        "text/x-wine-extension-reg",
    }
)
"""Types of formats that consist of text. libmagic detects these types reliably."""

UNSURE = frozenset(
    {
        "application/octet-stream",
        "application/x-empty",
        "application/x-wine-extension-ini",
        "inode/x-empty",
    }
)


def detect_type(head: bytes) -> str:
    """Return the content type of ``head``, or ``""`` if it is unknown.

    ``head`` is the object's first HEAD_BYTES, or all of a shorter object. If libmagic
    is missing, this function detects only active content, and `manage.py check` reports
    an error.
    """
    active = find_active(head)
    if active is not None:
        return active.content_type
    try:
        found = detector.detect(_start_for_libmagic(head))
    except DetectorUnavailableError:
        return ""
    return _type_of(head, canonical(found))


def detect_types(heads: Sequence[bytes]) -> list[str | None]:
    """Return the content types of many heads, with less CPU time than ``detect_type``.

    The type is None for a head that needs ``detect_type``. This is the case for empty
    heads and after an error of libmagic.
    """
    actives = [find_active(head) for head in heads]
    types = [None if active is None else active.content_type for active in actives]
    wanted = [n for n, head in enumerate(heads) if head and actives[n] is None]
    found = detector.detect_many([_start_for_libmagic(heads[n]) for n in wanted])
    for number, content_type in zip(wanted, found, strict=False):
        types[number] = _type_of(heads[number], canonical(content_type))
    return types


def _start_for_libmagic(head: bytes) -> bytes:
    return head[:TEXT_BYTES] if is_text(head) else head[:HEAD_BYTES]


def _type_of(head: bytes, found: str) -> str:
    """Return the type of ``head``, for which libmagic has returned ``found``."""
    if is_text(head):
        return _type_of_text(head, found)
    has_wide_letters = is_wide(head)
    if found in PROGRAMS or has_wide_letters:
        # find_active detects all programs. If only libmagic reports a program, its
        # report is wrong, because libmagic compares only a few bytes.
        found = ""
    if found and found not in UNSURE:
        return found
    if rare_type := find_rare_type(head):
        return rare_type
    return "text/plain" if has_wide_letters or is_mostly_text(head) else ""


def _type_of_text(head: bytes, found: str) -> str:
    """Return the type of a text ``head``, for which libmagic has returned ``found``."""
    if not head:
        return ""
    # A short picture without control characters looks like a text, but its first byte
    # is not ASCII.
    if found.startswith("image/") and head[:1] >= b"\x80":
        return found
    if picture := find_written_picture(head):
        return picture
    if found in WRITTEN or (found.startswith("text/") and not _is_guess(found)):
        return found
    return "text/plain"


def _is_guess(found: str) -> bool:
    """Return whether libmagic guesses this type from words in a text, such as "def"."""
    return found.startswith("text/x-") and found not in WRITTEN


def is_detector_missing() -> bool:
    """Return whether libmagic has failed to start. Detected types may then be empty."""
    return detector.is_missing


def container_of(head: bytes, content_type: str) -> str:
    """Return ``application/zip`` for a ZIP archive, else ``content_type``."""
    return PACKED if head[:4] in {b"PK\x03\x04", b"PK\x05\x06"} else content_type
