"""The name that a form's file had on the machine it came from, as S3 gives it back."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from email.errors import MessageError
from email.header import decode_header, make_header

FIELD = "filename"
PLACEHOLDER = "${filename}"
"""What S3 replaces by the name. Other makers may store it as it is."""

_MAX_LENGTH = 4096


def sent_name(metadata: Mapping[str, str]) -> str:
    """Return the name among an object's metadata, ``""`` where there is none.

    The sender of the form chose it, so it may be any text and is not clean yet.
    """
    name = metadata.get(FIELD, "")[:_MAX_LENGTH]
    if name == PLACEHOLDER:
        return ""
    # Headers are read as Latin-1; what is beyond ASCII came as UTF-8, or encoded
    # after RFC 2047 as S3 does it.
    with suppress(UnicodeError):
        name = name.encode("latin-1").decode()
    with suppress(MessageError, LookupError, UnicodeError, ValueError):
        name = str(make_header(decode_header(name)))
    return name
