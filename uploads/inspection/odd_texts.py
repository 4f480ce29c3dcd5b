"""Recognises texts that look binary: UTF-16, UTF-32, UTF-8 with control characters."""

from __future__ import annotations

import codecs

CODECS = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
UNIT = 4
"""Bytes of the longest character. ``is_wide`` reads a multiple of this number."""

SMALLEST = 8
SHARE_OF_ZEROS = 0.4
SHARE_OF_LATIN = 0.9
LAST_LATIN = "\u00ff"
MOST_STRAY = 0.1
"""Largest share of control characters in a text. Random bytes have a share of 11 %."""

STRAY = bytes(range(0x09)) + bytes(range(0x0E, 0x20))


def is_wide(head: bytes) -> bool:
    """Return whether ``head`` is a text of mostly Latin letters in one of CODECS.

    Returns False for other alphabets, because without a byte order mark such a text
    looks like binary data.
    """
    if len(head) < SMALLEST or head.count(0) < SHARE_OF_ZEROS * len(head):
        return False
    whole = head[: len(head) // UNIT * UNIT]
    return any(_is_text_in(codec, whole) for codec in CODECS)


def _is_text_in(codec: str, content: bytes) -> bool:
    try:
        text = content.decode(codec)
    except UnicodeDecodeError:
        return False
    if not all(char.isprintable() or char.isspace() for char in text):
        return False
    latin = sum(char <= LAST_LATIN for char in text)
    return latin >= SHARE_OF_LATIN * len(text)


def is_mostly_text(head: bytes) -> bool:
    """Return whether ``head`` is UTF-8 with a few control characters."""
    if len(head) < SMALLEST:
        return False
    try:
        # The last argument allows a head that ends within a character.
        codecs.utf_8_decode(head, "strict", False)
    except UnicodeDecodeError:
        return False
    stray = len(head) - len(head.translate(None, delete=STRAY))
    return stray <= MOST_STRAY * len(head)
