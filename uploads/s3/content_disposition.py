"""The Content-Disposition header of downloads (RFC 6266 and RFC 8187)."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import quote

from uploads.text.filenames import clean_filename

Disposition = Literal["attachment", "inline"]

# A quote ends the quoted string and a backslash escapes the next character. Some
# browsers decode percent signs inside the string.
_UNSAFE_IN_FALLBACK = re.compile(r'[^\x20-\x7e]|["\\%]')
_ATTRIBUTE_CHARACTERS = "!#$&+-.^_`|~"


def content_disposition(disposition: Disposition, filename: str) -> str:
    """Return the header's value: an ASCII fallback and the name itself in UTF-8.

    A stored name is sent exactly as it is. A name that is not clean is cleaned first.
    """
    name = clean_filename(filename)
    fallback = _UNSAFE_IN_FALLBACK.sub("_", name)
    encoded = quote(name, safe=_ATTRIBUTE_CHARACTERS)
    return f"{disposition}; filename=\"{fallback}\"; filename*=UTF-8''{encoded}"
