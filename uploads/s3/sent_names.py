"""Reads the filename that the sender of a form used, from the object's metadata."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from email.errors import MessageError
from email.header import decode_header, make_header

FIELD = "filename"
PLACEHOLDER = "${filename}"
"""S3 replaces this text with the filename. Other servers may store the text itself."""

_MAX_LENGTH = 4096


def sent_name(metadata: Mapping[str, str]) -> str:
    """Return the filename in an object's metadata, or ``""`` without one.

    The sender of the form chose the name, so it can be any text and is not cleaned.
    """
    name = metadata.get(FIELD, "")[:_MAX_LENGTH]
    if name == PLACEHOLDER:
        return ""
    # Headers are decoded as Latin-1. Servers send other characters than ASCII as
    # UTF-8; S3 encodes them by RFC 2047.
    with suppress(UnicodeError):
        name = name.encode("latin-1").decode()
    with suppress(MessageError, LookupError, UnicodeError, ValueError):
        name = str(make_header(decode_header(name)))
    return name
