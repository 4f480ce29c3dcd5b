"""Keys of objects: random, without any text from a user."""

from __future__ import annotations

import re
import secrets

INCOMING = "incoming/"
"""Below the site's prefix: objects sent by plain forms, never served to users."""

DOCTOR = "doctor/"
"""Below the site's prefix: probe objects, which belong to no upload row."""

RESERVED = (INCOMING, DOCTOR)
PROBE_SECONDS = 3600
"""Grace period of a probe object, because its probe may still be running."""

_RANDOM_BYTES = 20
_PREFIX = re.compile(r"[a-z0-9/_-]*")
_RANDOM_PART = r"[0-9a-f]{2}/[0-9a-f]{40}"
_OWN = re.compile(rf"(.*)({_RANDOM_PART})", re.DOTALL)
_INCOMING = re.compile(rf"(.*){INCOMING}({_RANDOM_PART})", re.DOTALL)


def new_key(prefix: str) -> str:
    """Return an unguessable key: ``prefix`` and 160 random bits.

    The two characters after the prefix distribute keys over folders, so that a
    person can browse a bucket. Raises ValueError for a prefix outside
    ``[a-z0-9/_-]`` and for a prefix that ends with a reserved folder.
    """
    if not _PREFIX.fullmatch(prefix):
        raise ValueError(f"The key prefix {prefix!r} may hold only a-z 0-9 / _ -.")
    for place in RESERVED:
        if prefix.endswith(place):
            raise ValueError(f"The key prefix {prefix!r} must not end with {place}.")
    name = secrets.token_hex(_RANDOM_BYTES)
    return f"{prefix}{name[:2]}/{name}"


def incoming_key(key: str) -> str:
    """Return the key to which a plain form sends the upload with ``key``.

    The incoming key is below the same prefix, so that the signer may write to it.
    Raises ValueError for a key that new_key did not make.
    """
    own = _OWN.fullmatch(key)
    if own is None:
        raise ValueError(f"{key!r} is not the key of an upload.")
    return f"{own[1]}{INCOMING}{own[2]}"


def row_key(key: str) -> str:
    """Return the key of the upload to which the object ``key`` belongs."""
    incoming = _INCOMING.fullmatch(key)
    return f"{incoming[1]}{incoming[2]}" if incoming else key


def is_incoming(key: str) -> bool:
    """Return whether a plain form sent the object ``key``."""
    return row_key(key) != key


def new_probe_key(prefix: str, name: str = "probe") -> str:
    """Return a key for a probe object of the site with this prefix."""
    return f"{prefix}{DOCTOR}{name}-{secrets.token_hex(8)}"


def is_probe(prefix: str, key: str) -> bool:
    """Return whether ``key`` is a probe object of the site with this prefix."""
    return key.startswith(f"{prefix}{DOCTOR}")
