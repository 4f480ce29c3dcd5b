"""The algorithms of checksums. Other modules take all names from here.

Every place that keeps a checksum calls it ``checksum_`` and the algorithm's name: fields
of the API and of rows, attributes of facts, and arguments of the presigner.
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
    """A hash in progress, as in hashlib."""

    def update(self, data: bytes, /) -> object:
        """Add bytes."""

    def digest(self) -> bytes:
        """Return the raw checksum of the bytes that were added."""

    def copy(self) -> Self:
        """Return an independent copy."""


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
    """One algorithm: its names at S3, and how it computes checksums.

    ``type_of_parts`` is S3's ChecksumType of a multipart object: COMPOSITE is a checksum
    of the parts' checksums, FULL_OBJECT is that of the bytes.
    """

    algorithm: Algorithm
    digest_bytes: int
    type_of_parts: str
    new: Callable[[], Hash]
    join: Callable[[Sequence[bytes], PartPlan], str]
    """Return the checksum in base64 that a multipart object has, from its parts'."""
    name: str = field(init=False)
    """The algorithm's name at S3, such as SHA256."""
    header: str = field(init=False)
    member: str = field(init=False)
    """The name in boto3's requests and answers, such as ChecksumSHA256."""
    attribute: str = field(init=False)

    def __post_init__(self) -> None:
        name = self.algorithm.value
        object.__setattr__(self, "name", name.upper())
        object.__setattr__(self, "header", f"x-amz-checksum-{name}")
        object.__setattr__(self, "member", f"Checksum{name.upper()}")
        object.__setattr__(self, "attribute", f"checksum_{name}")

    @property
    def of_multipart(self) -> Any:
        """The members of CreateMultipartUpload for this algorithm."""
        return {"ChecksumAlgorithm": self.name, "ChecksumType": self.type_of_parts}

    def of(self, holder: Any) -> str:
        """Return the checksum of an upload, declaration, object or part, or ``""``."""
        return getattr(holder, self.attribute) or ""

    def raw(self, content: bytes) -> bytes:
        """Return the raw checksum of ``content``."""
        started = self.new()
        started.update(content)
        return started.digest()

    def base64(self, content: bytes) -> str:
        """Return the checksum of ``content`` as S3 writes it."""
        return encoded(self.raw(content))

    def decoded(self, checksum: str) -> bytes:
        """Return the raw checksum of base64, or ``b""`` if the text is invalid."""
        try:
            digest = base64.b64decode(checksum, validate=True)
        except (binascii.Error, ValueError):
            return b""
        return digest if len(digest) == self.digest_bytes else b""


def encoded(digest: bytes) -> str:
    """Return a raw checksum as S3 writes it."""
    return base64.b64encode(digest).decode()


def _hash_of_hashes(digests: Sequence[bytes], plan: PartPlan) -> str:
    """Return S3's SHA-256 of a multipart object: that of its parts', with their number."""
    total = encoded(hashlib.sha256(b"".join(digests)).digest())
    return f"{total}-{len(digests)}"


def _combined(digests: Sequence[bytes], plan: PartPlan) -> str:
    """Return the CRC64NVME of the whole object, as if its bytes were read in order."""
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
    """Return the algorithm of a row, such as ``sha256``."""
    return _BY_NAME[algorithm]


def chosen(**declared: str) -> tuple[Checksums, str]:
    """Return the algorithm and the value of the one checksum that is not empty."""
    [found] = [(one, value) for one in ALL if (value := declared.get(one.attribute))]
    return found


def whole_object(checksum_crc64nvme: str) -> Any:
    """Return the members of CompleteMultipartUpload for the object's CRC64NVME."""
    if not checksum_crc64nvme:
        return {}
    return {
        CRC64NVME.member: checksum_crc64nvme,
        "ChecksumType": CRC64NVME.type_of_parts,
    }


def headers_of(**declared: str) -> dict[str, str]:
    """Return S3's headers for checksums, such as ``checksum_sha256``; leave out empty
    ones."""
    return {
        one.header: declared[one.attribute]
        for one in ALL
        if declared.get(one.attribute)
    }
