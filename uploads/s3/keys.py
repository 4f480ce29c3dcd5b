"""Creates the keys of objects. Keys are random and contain no text from a user."""

from __future__ import annotations

import re
import secrets

INCOMING = "incoming/"
"""Folder below the site's prefix for objects of plain forms (without JavaScript).

The site never serves these objects. It serves only copies of them.
"""

DOCTOR = "doctor/"
"""Folder below the site's prefix for probe objects.

The doctor and setup create probe objects to test the storage. The database has no rows
for these objects.
"""

RESERVED = (INCOMING, DOCTOR)
PROBE_SECONDS = 3600
"""Minimum age of a probe object before the sweeper deletes it.

A younger object may belong to a test that has not ended.
"""

_RANDOM_BYTES = 20
_PREFIX = re.compile(r"[a-z0-9/_-]*")
_RANDOM_PART = r"[0-9a-f]{2}/[0-9a-f]{40}"
_OWN = re.compile(rf"(.*)({_RANDOM_PART})", re.DOTALL)
_INCOMING = re.compile(rf"(.*){INCOMING}({_RANDOM_PART})", re.DOTALL)


def new_key(prefix: str) -> str:
    """Return a new key that nobody can guess: ``prefix`` and 160 random bits.

    The first two random characters are a folder name. So a person who browses the
    bucket sees 256 folders. Raises ValueError if the prefix has characters outside
    of ``[a-z0-9/_-]``, or if it ends with a reserved folder.
    """
    if not _PREFIX.fullmatch(prefix):
        raise ValueError(
            f"The key prefix {prefix!r} contains a character that is not allowed. "
            "Allowed are a-z, 0-9, slashes, underscores and hyphens."
        )
    for place in RESERVED:
        if prefix.endswith(place):
            raise ValueError(f"The key prefix {prefix!r} must not end with {place}.")
    name = secrets.token_hex(_RANDOM_BYTES)
    return f"{prefix}{name[:2]}/{name}"


def incoming_key(key: str) -> str:
    """Return the incoming key of the upload that has the key ``key``.

    A plain form sends its file to the incoming key. Both keys have the same prefix,
    because the signer (the identity that signs upload URLs) may only write below this
    prefix. Raises ValueError if new_key did not create ``key``.
    """
    own = _OWN.fullmatch(key)
    if own is None:
        raise ValueError(f"{key!r} is not the key of an upload.")
    return f"{own[1]}{INCOMING}{own[2]}"


def row_key(key: str) -> str:
    """Return the key in the upload's row.

    ``key`` is either the key in the row, or the incoming key of the same upload.
    """
    incoming = _INCOMING.fullmatch(key)
    return f"{incoming[1]}{incoming[2]}" if incoming else key


def is_incoming(key: str) -> bool:
    """Return whether ``key`` is the incoming key of an upload."""
    return row_key(key) != key


def new_probe_key(prefix: str, name: str = "probe") -> str:
    """Return a key for a probe object of the site with this prefix."""
    return f"{prefix}{DOCTOR}{name}-{secrets.token_hex(8)}"


def is_probe(prefix: str, key: str) -> bool:
    """Return whether ``key`` belongs to a probe object of the site with this prefix."""
    return key.startswith(f"{prefix}{DOCTOR}")
