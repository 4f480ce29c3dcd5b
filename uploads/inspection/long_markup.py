"""Searches whole texts that pretend to be images, sounds or films for scripts.

A page or an SVG drawing can begin with a long comment, so the first bytes (the head)
are not enough. Real images, sounds and films are binary files, so this search is rare.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from uploads.inspection.active_content import (
    ANYWHERE,
    SCRIPTED,
    Kind,
    decoded,
    find_active,
    is_text,
)
from uploads.inspection.verdicts import Sample

PIECE = 1024**2
OVERLAP = 256
"""Number of bytes that two successive pieces share, so that no tag is cut.

The number is even, because UTF-16 uses two bytes for a character.
"""

MAX_BYTES = 16 * 1024**2
TOO_LONG = "a text that is too long to be checked for scripts"
_DRAWING = re.compile(rb"<(?:[\w.-]{1,32}:)?svg[\s/>]", re.IGNORECASE)
_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def find_script_behind_head(sample: Sample) -> str:
    """Return the kind of a page or scripted drawing in the file, such as "a web page".

    Returns ``""`` if the file contains neither, if it is binary, or if it ends within
    the head. Returns TOO_LONG if the text has more than MAX_BYTES.
    """
    head = sample.head
    if sample.byte_size <= len(head) or not is_text(decoded(head)):
        return ""
    if sample.byte_size > MAX_BYTES:
        return TOO_LONG
    active = find_active(head)
    is_drawing = active is not None and active.kind == Kind.DRAWING
    for piece in _pieces(sample, _MARKS.get(head[:2], "")):
        is_drawing = is_drawing or _DRAWING.search(piece) is not None
        if is_drawing and SCRIPTED.search(piece):
            return Kind.SCRIPTED_DRAWING.value
        if ANYWHERE.search(piece):
            return Kind.PAGE.value
    return ""


def _pieces(sample: Sample, codec: str) -> Iterator[bytes]:
    """Yield the file in pieces, converted to UTF-8."""
    for start in range(0, sample.byte_size, PIECE - OVERLAP):
        piece = sample.read(start, min(PIECE, sample.byte_size - start))
        yield piece.decode(codec, "ignore").encode() if codec else piece
