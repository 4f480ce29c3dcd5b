"""Defines the checksum algorithms, and the names that S3 and this site use for them.

All fields, columns, attributes and arguments that contain a checksum have the same
name: ``checksum_`` and the name of the algorithm, for example ``checksum_sha256``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from anycrc import Model

from uploads.s3.part_plan import PartPlan
from uploads.states import Algorithm

_CRC = Model("CRC64-NVME")
_CRC_BYTES = 8


class Hash(Protocol):
    """Computes a checksum step by step, with the same methods as in hashlib."""

    def update(self, data: bytes, /) -> object:
        """Add the next bytes."""

    def digest(self) -> bytes:
        """Return the raw checksum of all added bytes."""

    def copy(self) -> Self:
        """Return an independent copy of this hash."""


@dataclass
class _Crc64Nvme:
    value: int = 0

    def update(self, data: bytes, /) -> None:
        self.value = _CRC.calc(data, self.value)

    def digest(self) -> bytes:
        return self.value.to_bytes(_CRC_BYTES, "big")

    def copy(self) -> _Crc64Nvme:
        return _Crc64Nvme(self.value)


@dataclass(frozen=True)
class Checksums:
    """Describes one checksum algorithm.

    ``type_of_parts`` is S3's ChecksumType of a multipart object. COMPOSITE means that
    S3 computes a checksum from the checksums of the parts. FULL_OBJECT means that S3
    computes the checksum of all bytes.
    """

    algorithm: Algorithm
    digest_bytes: int
    type_of_parts: str
    new: Callable[[], Hash]
    join: Callable[[Sequence[bytes], PartPlan], str]
    """Computes the checksum of a multipart object from the checksums of its parts.

    The result is in base64. The checksums of the parts are raw.
    """
    name: str = field(init=False)
    """The name that S3 gives to the algorithm, such as SHA256."""
    header: str = field(init=False)
    """The HTTP header that contains a checksum, such as x-amz-checksum-sha256."""
    member: str = field(init=False)
    """The name of a checksum in boto3's calls and answers, such as ChecksumSHA256."""
    attribute: str = field(init=False)
    """The name of a checksum in this site's code, such as checksum_sha256."""

    def __post_init__(self) -> None:
        name = self.algorithm.value
        object.__setattr__(self, "name", name.upper())
        object.__setattr__(self, "header", f"x-amz-checksum-{name}")
        object.__setattr__(self, "member", f"Checksum{name.upper()}")
        object.__setattr__(self, "attribute", f"checksum_{name}")

    @property
    def of_multipart(self) -> Any:
        """Return the arguments of CreateMultipartUpload for this algorithm."""
        return {"ChecksumAlgorithm": self.name, "ChecksumType": self.type_of_parts}

    def of(self, holder: Any) -> str:
        """Return the checksum of an upload, a declaration, an object or a part.

        Returns ``""`` if ``holder`` has no checksum of this algorithm.
        """
        return getattr(holder, self.attribute) or ""

    def raw(self, content: bytes) -> bytes:
        """Return the raw checksum of ``content``."""
        started = self.new()
        started.update(content)
        return started.digest()

    def base64(self, content: bytes) -> str:
        """Return the checksum of ``content`` in base64, the format of S3."""
        return encoded(self.raw(content))

    def decoded(self, checksum: str) -> bytes:
        """Return the raw form of a checksum in base64, or ``b""`` if it is invalid."""
        try:
            digest = base64.b64decode(checksum, validate=True)
        except (binascii.Error, ValueError):
            return b""
        return digest if len(digest) == self.digest_bytes else b""


def encoded(digest: bytes) -> str:
    """Return a raw checksum in base64, the format of S3."""
    return base64.b64encode(digest).decode()


def _hash_of_hashes(digests: Sequence[bytes], plan: PartPlan) -> str:
    """Return the SHA-256 that S3 computes for a multipart object.

    It is the hash of the hashes of all parts, followed by the number of parts.
    """
    total = encoded(hashlib.sha256(b"".join(digests)).digest())
    return f"{total}-{len(digests)}"


def _combined(digests: Sequence[bytes], plan: PartPlan) -> str:
    """Return the CRC64NVME of the whole object, computed from those of its parts."""
    total = 0
    for number, digest in enumerate(digests, 1):
        value, size = int.from_bytes(digest, "big"), plan.byte_size_of(number)
        total = _CRC.combine(total, value, size)
    return encoded(total.to_bytes(_CRC_BYTES, "big"))


SHA256 = Checksums(Algorithm.SHA256, 32, "COMPOSITE", hashlib.sha256, _hash_of_hashes)
CRC64NVME = Checksums(
    Algorithm.CRC64NVME, _CRC_BYTES, "FULL_OBJECT", _Crc64Nvme, _combined
)
ALL = (SHA256, CRC64NVME)
_BY_NAME = {one.algorithm.value: one for one in ALL}


def checksums_named(algorithm: str) -> Checksums:
    """Return the algorithm that a row names, for example ``sha256``."""
    return _BY_NAME[algorithm]


def chosen(**declared: str) -> tuple[Checksums, str]:
    """Return the algorithm and the value of the only checksum that is not empty.

    The arguments are checksums, for example ``checksum_sha256``.
    """
    [found] = [(one, value) for one in ALL if (value := declared.get(one.attribute))]
    return found


def whole_object(checksum_crc64nvme: str) -> Any:
    """Return the arguments of CompleteMultipartUpload for the object's CRC64NVME."""
    if not checksum_crc64nvme:
        return {}
    return {
        CRC64NVME.member: checksum_crc64nvme,
        "ChecksumType": CRC64NVME.type_of_parts,
    }


def headers_of(**declared: str) -> dict[str, str]:
    """Return the HTTP headers for all checksums that are not empty.

    The arguments are checksums, for example ``checksum_sha256``.
    """
    return {
        one.header: declared[one.attribute]
        for one in ALL
        if declared.get(one.attribute)
    }
