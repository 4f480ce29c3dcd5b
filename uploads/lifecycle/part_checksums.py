"""Stores the SHA-256 that a client announces for each part, until its verification."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from uploads.errors import InvalidRequest
from uploads.lifecycle.capabilities import capabilities
from uploads.models import PartChecksums, Upload
from uploads.s3.bucket import Part
from uploads.states import Transport

DIGEST_BYTES = 32
_NONE = bytes(DIGEST_BYTES)


def raw_digest(checksum_sha256: str) -> bytes:
    """Decode a SHA-256 from base64. Raises InvalidRequest if the text is no SHA-256."""
    try:
        digest = base64.b64decode(checksum_sha256, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != DIGEST_BYTES:
        words = "The checksum of a part must be base64 of the raw SHA-256."
        raise InvalidRequest(words, fields={"parts": [words]})
    return digest


def announce(upload: Upload, digests: Mapping[int, bytes]) -> None:
    """Store the hashes of parts before their URLs are signed.

    A new hash of a part replaces its old hash. The caller must have locked the upload's
    row. Otherwise a concurrent request may overwrite the new hashes.
    """
    size = upload.part_count * DIGEST_BYTES
    kept = bytearray(_stored(upload).ljust(size, b"\0"))
    for part_number, digest in digests.items():
        start = (part_number - 1) * DIGEST_BYTES
        kept[start : start + DIGEST_BYTES] = digest
    PartChecksums.objects.bulk_create(
        [PartChecksums(upload_id=upload.pk, digests=bytes(kept))],
        update_conflicts=True,
        unique_fields=["upload"],
        update_fields=["digests"],
    )


def announced(upload: Upload) -> list[bytes]:
    """Return the announced hash of each part, in order.

    Returns an empty list if the hash of any part is missing. Older versions of the site
    signed URLs of parts without storing the hashes.
    """
    kept = _stored(upload)
    digests = [
        kept[start : start + DIGEST_BYTES]
        for start in range(0, upload.part_count * DIGEST_BYTES, DIGEST_BYTES)
    ]
    is_whole = all(
        len(digest) == DIGEST_BYTES and digest != _NONE for digest in digests
    )
    return digests if is_whole else []


def composite(digests: Sequence[bytes]) -> str:
    """Return the SHA-256 that S3 reports for a multipart object; ``""`` without parts.

    S3 hashes the raw hashes of the parts, and appends a dash and the number of parts.
    """
    if not digests:
        return ""
    total = base64.b64encode(hashlib.sha256(b"".join(digests)).digest()).decode()
    return f"{total}-{len(digests)}"


def storage_joins_by_checksums() -> bool:
    """Return whether the site sends the announced checksums when S3 joins the parts.

    Then the object has a checksum even if the storage lists no checksums of parts, and
    the site need not read the object back. The site does this only if a doctor saw the
    storage compare parts with their checksums.
    """
    return capabilities().compares_bytes(Transport.MULTIPART)


def with_checksums(parts: list[Part], hashes: Sequence[bytes]) -> list[Part]:
    """Return ``parts``. If S3 listed no checksum of a part, use the announced hash.

    ``parts`` are all parts of the upload, and ``hashes`` the announced hashes or empty.
    """
    if not hashes or not storage_joins_by_checksums():
        return parts
    return [
        part
        if part.checksum_sha256
        else replace(part, checksum_sha256=base64.b64encode(raw).decode())
        for part, raw in zip(parts, hashes, strict=True)
    ]


def _stored(upload: Upload) -> bytes:
    found = PartChecksums.objects.filter(pk=upload.pk)
    return bytes(found.values_list("digests", flat=True).first() or b"")
