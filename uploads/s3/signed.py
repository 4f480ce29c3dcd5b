"""Contains the classes for a presigner's results, and for the parts that it signs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class SignedRequest(NamedTuple):
    """Contains one signed request. The client must send ``headers`` unchanged.

    The signature also covers Host. For uploads, it also covers Content-Length. The
    client's HTTP library sets these two headers.
    """

    method: str
    url: str
    headers: dict[str, str]
    expires_at: datetime


class ObjectToSign(NamedTuple):
    """Describes a file that one request uploads. Its checksum is in base64."""

    key: str
    byte_size: int
    content_type: str
    checksum: str


class PartToSign(NamedTuple):
    """Describes a part to upload. Its checksum is in base64."""

    part_number: int
    byte_size: int
    checksum: str


@dataclass(frozen=True)
class SignedPost:
    """Contains one signed form.

    The client sends ``fields`` in any order, and after them the file as ``file``.
    """

    method: str
    url: str
    fields: dict[str, str]
    expires_at: datetime
