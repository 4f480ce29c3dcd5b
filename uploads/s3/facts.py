"""Contains S3's facts about objects, parts and unfinished multipart uploads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from uploads.s3.checksums import CRC64NVME, SHA256

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import (
        CompletedPartTypeDef,
        MultipartUploadTypeDef,
        ObjectTypeDef,
        PartTypeDef,
    )


_METADATA = "x-amz-meta-"


@dataclass(frozen=True)
class ObjectFacts:
    """Contains S3's facts about one object.

    Checksums are base64 of the raw value. If the object was uploaded in N parts, its
    SHA-256 is the hash of the hashes of all parts, followed by ``-N``.
    """

    byte_size: int
    etag: str
    content_type: str
    content_disposition: str = ""
    content_encoding: str = ""
    checksum_sha256: str | None = None
    checksum_crc64nvme: str | None = None
    version_id: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """Contains S3's facts about one stored part of a multipart upload."""

    part_number: int
    byte_size: int
    etag: str
    checksum_sha256: str | None = None
    checksum_crc64nvme: str | None = None


@dataclass(frozen=True)
class ListedObject:
    """Contains one entry of the bucket's list of objects."""

    key: str
    byte_size: int
    etag: str
    modified_at: datetime


@dataclass(frozen=True)
class OpenMultipartUpload:
    """Describes a multipart upload that was neither completed nor aborted."""

    key: str
    multipart_id: str
    started_at: datetime


def object_facts(headers: Mapping[str, str]) -> ObjectFacts:
    """Return the facts in the headers of an answer to HeadObject or GetObject.

    The request must not have a range. With a range, Content-Length is the range's size.
    The names in ``headers`` are lower case, or ``headers`` ignores case.
    """
    return ObjectFacts(
        byte_size=int(headers["content-length"]),
        etag=headers["etag"],
        content_type=headers.get("content-type", ""),
        content_disposition=headers.get("content-disposition", ""),
        content_encoding=headers.get("content-encoding", ""),
        checksum_sha256=headers.get(SHA256.header),
        checksum_crc64nvme=headers.get(CRC64NVME.header),
        version_id=headers.get("x-amz-version-id"),
        metadata={
            name[len(_METADATA) :]: value
            for name, value in headers.items()
            if name.lower().startswith(_METADATA)
        },
    )


def latest_parts(entries: Iterable[PartTypeDef]) -> list[Part]:
    """Return the parts in the entries of ListParts, ordered by part number.

    If a part number occurs twice, returns only the newer part. If a client has sent a
    part twice, SeaweedFS lists the old and the new part. SeaweedFS also orders part
    numbers as texts, so part 10,000 follows part 1,000.
    """
    latest: dict[int, PartTypeDef] = {}
    for entry in entries:
        other = latest.get(entry["PartNumber"])
        if other is None or entry["LastModified"] >= other["LastModified"]:
            latest[entry["PartNumber"]] = entry
    return [
        Part(
            part_number=number,
            byte_size=entry["Size"],
            etag=entry["ETag"],
            checksum_sha256=entry.get("ChecksumSHA256"),
            checksum_crc64nvme=entry.get("ChecksumCRC64NVME"),
        )
        for number, entry in sorted(latest.items())
    ]


def completed_part(part: Part) -> CompletedPartTypeDef:
    """Return a part in the format that CompleteMultipartUpload expects."""
    named: CompletedPartTypeDef = {"PartNumber": part.part_number, "ETag": part.etag}
    if part.checksum_sha256:
        named["ChecksumSHA256"] = part.checksum_sha256
    if part.checksum_crc64nvme:
        named["ChecksumCRC64NVME"] = part.checksum_crc64nvme
    return named


def listed_object(entry: ObjectTypeDef) -> ListedObject:
    """Return the facts in one entry of ListObjectsV2."""
    return ListedObject(
        key=entry["Key"],
        byte_size=entry["Size"],
        etag=entry["ETag"],
        modified_at=entry["LastModified"],
    )


def open_multipart_upload(entry: MultipartUploadTypeDef) -> OpenMultipartUpload:
    """Return the facts in one entry of ListMultipartUploads."""
    return OpenMultipartUpload(
        key=entry["Key"],
        multipart_id=entry["UploadId"],
        started_at=entry["Initiated"],
    )
