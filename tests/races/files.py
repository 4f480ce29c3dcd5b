"""Send the bytes of raced uploads to S3."""

from __future__ import annotations

import urllib.error
import urllib.request

from tests.support.builders import MIB, checksum, declare
from uploads.lifecycle import WantedPart, presign, presign_parts
from uploads.models import Upload
from uploads.s3.checksums import SHA256, Checksums
from uploads.s3.signed import SignedRequest

__all__ = ["MIB", "checksum", "declare", "put", "send"]


def send(upload: Upload, content: bytes, *, checksums: Checksums = SHA256) -> None:
    """Send all bytes by presigned URLs, as a browser does."""
    if not upload.multipart_id:
        signed = presign(upload)
        assert isinstance(signed, SignedRequest)
        assert put(signed, content) == 200
        return
    for number in range(1, upload.part_count + 1):
        start = (number - 1) * upload.part_size
        part = content[start : start + upload.part_size]
        wanted = WantedPart(number, **{checksums.attribute: checksums.base64(part)})
        [signed] = presign_parts(upload, [wanted])
        assert put(signed, part) == 200


def put(signed: SignedRequest, content: bytes) -> int:
    """Send ``content`` by a presigned URL, and return the status of S3's answer."""
    request = urllib.request.Request(
        signed.url, data=content, headers=signed.headers, method="PUT"
    )
    # urllib adds a Content-Type of its own, which is not part of a part's signature.
    if not request.has_header("Content-type"):
        request.add_unredirected_header("Content-type", "")
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
