"""Stores the announced checksums of parts, with which the site verifies the object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from django.db import transaction

from uploads.errors import InvalidRequest, StaleUpload, StorageError
from uploads.lifecycle.checksums import checksums_of, require_accepted
from uploads.lifecycle.multipart import joins_by_checksums, plan_of
from uploads.models import PartChecksums, Upload
from uploads.s3.bucket import Part, get_bucket
from uploads.s3.checksums import ALL, SHA256, Checksums, encoded
from uploads.states import State


def raw_digests(upload: Upload, wanted: Sequence[Any]) -> dict[int, bytes]:
    """Return the raw checksums of the parts that a client wants to send.

    The first request for parts may have another algorithm than the upload. In this case
    the upload gets the algorithm of the request, because the client may know only this
    algorithm. Raises InvalidRequest if a later request has another algorithm, or if the
    value that a client sent is not a checksum.
    """
    checksums = checksums_of(upload)
    if not all(checksums.of(part) for part in wanted):
        checksums = _other_algorithm(checksums, wanted)
        _change(upload, checksums)
    digests = {
        part.part_number: checksums.decoded(checksums.of(part)) for part in wanted
    }
    if not all(digests.values()):
        label = checksums.algorithm.label
        raise _refused(
            f"The checksum of a part must be the {label} in base64. Encode the raw "
            "bytes of the checksum, not the hex digits."
        )
    return digests


def _other_algorithm(checksums: Checksums, wanted: Sequence[Any]) -> Checksums:
    for other in ALL:
        if all(other.of(part) for part in wanted):
            require_accepted(other)
            return other
    without = [i for i, part in enumerate(wanted) if not checksums.of(part)]
    name = f"parts.{without[0]}.{checksums.attribute}"
    raise InvalidRequest(fields={name: [f"Each part needs {checksums.attribute}."]})


def _change(upload: Upload, checksums: Checksums) -> None:
    """Change the algorithm of an upload.

    S3 accepts only parts with the algorithm for which the multipart upload was created.
    So this function aborts the multipart upload, and the caller creates a new one.
    Raises InvalidRequest if the client has announced a part, and StaleUpload.
    """
    refused = upload.multipart_id
    with transaction.atomic():
        row = Upload.objects.select_for_update().get(pk=upload.pk)
        if PartChecksums.objects.filter(pk=upload.pk).exists():
            attribute = checksums_of(upload).attribute
            raise _refused(f"Each part of this upload needs {attribute}.")
        if (row.state, row.multipart_id) != (State.PENDING, refused):
            raise StaleUpload
        changes = {
            "checksum_algorithm": checksums.algorithm.value,
            "checksum_crc64nvme": "",
            "multipart_id": "",
        }
        Upload.objects.filter(pk=upload.pk).update(**changes)
    for name, value in changes.items():
        setattr(upload, name, value)
    if refused:
        # If the abort fails, the sweeper repeats the abort, because no row has this id.
        with suppress(StorageError):
            get_bucket().abort_multipart_upload(upload.key, refused)


def _refused(words: str) -> InvalidRequest:
    return InvalidRequest(words, fields={"parts": [words]})


def announce(upload: Upload, digests: Mapping[int, bytes]) -> None:
    """Store the checksums of parts before their URLs are signed.

    A new checksum of a part replaces its old one. The caller must have locked the
    upload's row. Otherwise a concurrent request may overwrite the new checksums.
    """
    length = checksums_of(upload).digest_bytes
    kept = bytearray(_stored(upload).ljust(upload.part_count * length, b"\0"))
    for part_number, digest in digests.items():
        start = (part_number - 1) * length
        # Zeros mark a part without a checksum. If a client announces zeros, store bytes
        # 0xff instead. So the site does not skip the comparison, and finds a mismatch.
        kept[start : start + length] = digest if any(digest) else b"\xff" * length
    PartChecksums.objects.bulk_create(
        [PartChecksums(upload_id=upload.pk, digests=bytes(kept))],
        update_conflicts=True,
        unique_fields=["upload"],
        update_fields=["digests"],
    )


def announced(upload: Upload) -> list[bytes]:
    """Return the announced checksum of each part, in order.

    Returns an empty list if the checksum of any part is missing. Checksums are missing
    if an older version of the site signed the URLs, because it did not store them.
    """
    kept, length = _stored(upload), checksums_of(upload).digest_bytes
    digests = [
        kept[start : start + length]
        for start in range(0, upload.part_count * length, length)
    ]
    is_whole = all(len(digest) == length and any(digest) for digest in digests)
    return digests if is_whole else []


def joined(upload: Upload, digests: Sequence[bytes]) -> str:
    """Return the checksum that S3 reports for an object made of parts with ``digests``.

    Returns ``""`` if ``digests`` is empty.
    """
    if not digests:
        return ""
    return checksums_of(upload).join(digests, plan_of(upload))


def with_checksums(
    upload: Upload, parts: list[Part], digests: Sequence[bytes]
) -> list[Part]:
    """Return ``parts``. If S3 listed no SHA-256 of a part, add the announced SHA-256.

    ``parts`` are all parts of the upload. ``digests`` are the announced checksums, or
    empty. For CRC64NVME, S3 needs no checksums of parts, so nothing is added.
    """
    is_needed = checksums_of(upload) is SHA256 and joins_by_checksums()
    if not digests or not is_needed:
        return parts
    return [
        part if part.checksum_sha256 else replace(part, checksum_sha256=encoded(raw))
        for part, raw in zip(parts, digests, strict=True)
    ]


def _stored(upload: Upload) -> bytes:
    found = PartChecksums.objects.filter(pk=upload.pk)
    return bytes(found.values_list("digests", flat=True).first() or b"")
