"""What a file is, by its first bytes: our table for active content, else libmagic."""

from __future__ import annotations

import re

from uploads.inspection.active_content import find_active, is_text
from uploads.inspection.content_types import PACKED, RASTER_IMAGES, canonical
from uploads.inspection.detector import DetectorUnavailableError, detector

HEAD_BYTES = 4096
"""How much of an object is read to know its type."""

TEXT_BYTES = 1024
"""How much of a text libmagic gets: it takes long over texts, and only guesses."""

LEFT_OUT: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"PK\x03\x04|PK\x05\x06"), PACKED),
    (
        re.compile(rb".{4}(?:free|mdat|moov|pnot|skip|wide)", re.DOTALL),
        "video/quicktime",
    ),
)
"""Beginnings that are sure enough, though libmagic asks for more to follow."""

UNSURE = frozenset(
    {
        "application/octet-stream",
        "application/x-empty",
        "application/x-wine-extension-ini",
        "inode/x-empty",
    }
)


def detect_type(head: bytes) -> str:
    """Return the content type that ``head`` gives away, or ``""``.

    ``head`` is the object's first bytes, HEAD_BYTES of them where it has so many.
    Without libmagic only active content is known: `manage.py check` reports that.
    """
    active = find_active(head)
    if active is not None:
        return active.content_type
    length = TEXT_BYTES if is_text(head) else HEAD_BYTES
    try:
        found = canonical(detector.detect(head[:length]))
    except DetectorUnavailableError:
        return ""
    if not found or found in UNSURE:
        return next((kind for start, kind in LEFT_OUT if start.match(head)), "")
    # A binary format whose head is all text is not that format.
    return "text/plain" if found in RASTER_IMAGES and is_text(head) else found


def is_detector_missing() -> bool:
    """Return whether an empty type only means that libmagic does not start here."""
    return detector.is_missing


def container_of(head: bytes, content_type: str) -> str:
    """Return ``application/zip`` for documents and packages that are ZIP archives."""
    return PACKED if head[:4] in {b"PK\x03\x04", b"PK\x05\x06"} else content_type
