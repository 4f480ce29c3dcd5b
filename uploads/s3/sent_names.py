"""Reads the name of a file that a form sent, from the metadata of the object."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from email.errors import MessageError
from email.header import decode_header, make_header

FIELD = "filename"
PLACEHOLDER = "${filename}"
"""Value of the form field for the filename.

S3 replaces this text with the name of the file. Some other servers store the text.
"""

_MAX_LENGTH = 4096


def sent_name(metadata: Mapping[str, str]) -> str:
    """Return the filename in an object's metadata, or ``""`` if there is none.

    The sender of the form chose the name. This function does not clean the name, so
    the result can be any text.
    """
    name = metadata.get(FIELD, "")[:_MAX_LENGTH]
    if name == PLACEHOLDER:
        return ""
    # The HTTP client has decoded the header as Latin-1. If the name has characters
    # outside of ASCII, S3 encodes them by RFC 2047. Other servers send them in UTF-8.
    with suppress(UnicodeError):
        name = name.encode("latin-1").decode()
    with suppress(MessageError, LookupError, UnicodeError, ValueError):
        name = str(make_header(decode_header(name)))
    return name
