"""Names of objects: random, and free of anything a user said."""

from __future__ import annotations

import re
import secrets

_RANDOM_BYTES = 20
_PREFIX = re.compile(r"[a-z0-9/_-]*")


def new_key(prefix: str) -> str:
    """Return a key that nobody can guess: ``prefix`` and 160 random bits.

    The two characters after the prefix spread keys, so that a person can page
    through a bucket. Raises ValueError for a prefix outside ``[a-z0-9/_-]``.
    """
    if not _PREFIX.fullmatch(prefix):
        raise ValueError(f"The key prefix {prefix!r} may hold only a-z 0-9 / _ -.")
    name = secrets.token_hex(_RANDOM_BYTES)
    return f"{prefix}{name[:2]}/{name}"
