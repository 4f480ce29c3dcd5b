"""Sends parts with bytes that match their signed checksum, or with other bytes."""

from __future__ import annotations

from uploads.doctor.examination import Examination
from uploads.s3.checksums import SHA256, Checksums
from uploads.s3.probe import EXPIRES_IN, perform
from uploads.s3.wire import Answer


def send_part(
    examination: Examination,
    key: str,
    multipart_id: str,
    signed: bytes,
    sent: bytes | None = None,
    *,
    number: int = 1,
    checksums: Checksums = SHA256,
) -> Answer:
    """Sign a part with the bytes ``signed``, and send it with the bytes ``sent``.

    Without ``sent``, this function sends the signed bytes.
    """
    request = examination.uploads.upload_part(
        key=key,
        multipart_id=multipart_id,
        part_number=number,
        byte_size=len(signed),
        expires_in=EXPIRES_IN,
        **{checksums.attribute: checksums.base64(signed)},
    )
    return perform(request, signed if sent is None else sent)
