"""Creates the Content-Disposition header of downloads (RFC 6266 and RFC 8187)."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import quote

from uploads.text.filenames import clean_filename

Disposition = Literal["attachment", "inline"]

# Characters that the quoted ASCII name must not contain. A quote would end the name. A
# backslash would escape the next character. Some browsers decode percent signs.
_UNSAFE_IN_FALLBACK = re.compile(r'[^\x20-\x7e]|["\\%]')
_ATTRIBUTE_CHARACTERS = "!#$&+-.^_`|~"


def content_disposition(disposition: Disposition, filename: str) -> str:
    """Return the header's value with the filename in ASCII and in UTF-8.

    Old clients use the ASCII name. In this name, "_" replaces each character that is
    not ASCII or not safe. This function cleans the filename again, which leaves a clean
    name unchanged.
    """
    name = clean_filename(filename)
    fallback = _UNSAFE_IN_FALLBACK.sub("_", name)
    encoded = quote(name, safe=_ATTRIBUTE_CHARACTERS)
    return f"{disposition}; filename=\"{fallback}\"; filename*=UTF-8''{encoded}"
