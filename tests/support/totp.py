"""Compute the codes of an authenticator app (RFC 6238)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

PERIOD_SECONDS = 30
DIGITS = 6


def code(secret: str) -> str:
    """Return the code for ``secret`` at this time."""
    counter = int(time.time()) // PERIOD_SECONDS
    digest = hmac.digest(base64.b32decode(secret), counter.to_bytes(8), hashlib.sha1)
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFF_FFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def wrong_code(secret: str) -> str:
    """Return a wrong code for ``secret`` at this time."""
    return str((int(code(secret)) + 1) % 10**DIGITS).zfill(DIGITS)
