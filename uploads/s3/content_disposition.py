"""The header that names a download, after RFC 6266."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal
from urllib.parse import quote

Disposition = Literal["attachment", "inline"]

_UNNAMED = "download"
_BIDI_CONTROLS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_NOT_SHOWN = frozenset({"Cc", "Cs", "Zl", "Zp"})
# Quote and backslash end or bend the quoted string; some browsers decode a
# percent sign inside it.
_UNSAFE_IN_FALLBACK = re.compile(r'[^\x20-\x7e]|["\\%]')
_ATTRIBUTE_CHARACTERS = "!#$&+-.^_`|~"


def content_disposition(disposition: Disposition, filename: str) -> str:
    """Return the header's value: an ASCII fallback and the name itself in UTF-8.

    Path parts, control characters and bidirectional overrides are removed, so
    that the name in the save dialog is the name the file gets.
    """
    name = _clean(filename)
    fallback = _UNSAFE_IN_FALLBACK.sub("_", name)
    encoded = quote(name, safe=_ATTRIBUTE_CHARACTERS)
    return f"{disposition}; filename=\"{fallback}\"; filename*=UTF-8''{encoded}"


def _clean(filename: str) -> str:
    shown = "".join(
        character
        for character in filename
        if unicodedata.category(character) not in _NOT_SHOWN
        and character not in _BIDI_CONTROLS
    )
    last = re.split(r"[/\\]", shown)[-1].replace('"', "").strip()
    return last if last.strip(". ") else _UNNAMED
