"""The results of a presigner, and its input for a part."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class SignedRequest(NamedTuple):
    """One permitted request. The client must send ``headers`` unchanged.

    Host and Content-Length are signed too. The client's HTTP library sets them.
    """

    method: str
    url: str
    headers: dict[str, str]
    expires_at: datetime


class PartToSign(NamedTuple):
    """A part before its upload; the checksum is base64 of the raw SHA-256."""

    part_number: int
    byte_size: int
    checksum_sha256: str


@dataclass(frozen=True)
class SignedPost:
    """One permitted form: the fields in any order, then the file, named ``file``."""

    method: str
    url: str
    fields: dict[str, str]
    expires_at: datetime
