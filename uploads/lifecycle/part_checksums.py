"""The SHA-256 of each part, from the request for its URL to its verification."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence

from uploads.errors import InvalidRequest
from uploads.models import PartChecksums, Upload

DIGEST_BYTES = 32
_NONE = bytes(DIGEST_BYTES)


def raw_digest(checksum_sha256: str) -> bytes:
    """Return the raw hash of base64. Raises InvalidRequest for anything else."""
    try:
        digest = base64.b64decode(checksum_sha256, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != DIGEST_BYTES:
        words = "The checksum of a part must be base64 of the raw SHA-256."
        raise InvalidRequest(words, fields={"parts": [words]})
    return digest


def announce(upload: Upload, digests: Mapping[int, bytes]) -> None:
    """Keep the hashes of the parts that URLs are about to be signed for.

    A part that is announced again replaces its hash. The caller holds the lock of the
    upload's row, so that two requests do not overwrite each other's parts.
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

    Empty if a part was never announced: an older version of the site signed its URL.
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
    """Return S3's SHA-256 of a multipart object; ``""`` without parts.

    It is the hash of the parts' raw hashes, with their number behind a dash.
    """
    if not digests:
        return ""
    total = base64.b64encode(hashlib.sha256(b"".join(digests)).digest()).decode()
    return f"{total}-{len(digests)}"


def _stored(upload: Upload) -> bytes:
    found = PartChecksums.objects.filter(pk=upload.pk)
    return bytes(found.values_list("digests", flat=True).first() or b"")
