"""Texts in UTF-16 and UTF-32 without a byte order mark: half of their bytes are zeros."""

from __future__ import annotations

CODECS = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
UNIT = 4
"""Bytes of the longest character: the head is cut at a multiple of it."""

SMALLEST = 8
SHARE_OF_LATIN = 0.9
LAST_LATIN = "\u024f"


def is_wide_text(head: bytes) -> bool:
    """Return whether ``head`` is a text of mostly Latin letters in one of CODECS.

    Other alphabets cannot be told from binary data without a byte order mark.
    """
    whole = head[: len(head) // UNIT * UNIT]
    if len(whole) < SMALLEST or b"\0" not in whole:
        return False
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
