"""The JSON of requests and responses of version 1.

These classes are plain pydantic models, which get dictionaries. Ninja's class Schema
needs a millisecond for each object, because it reads the attributes of Django's
objects. So only the model of the query is a Schema.
"""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

from uploads.api.field_types import (
    ByteSize,
    Checksum,
    ContentType,
    Crc64Nvme,
    Filename,
    Head,
    Moment,
    PartNumber,
    PartSize,
    SearchText,
    SentMoment,
)
from uploads.conf import MAX_PARTS_PER_REQUEST
from uploads.doctor.storage_faults import Fault
from uploads.states import State

MAX_BATCH = 100
IDEMPOTENCY_KEY_PATTERN = r"^[!-~]{1,200}$"


class Body(BaseModel):
    """Base class of request bodies. A body with an unknown field is refused."""

    model_config = ConfigDict(extra="forbid")


class StartBody(Body):
    filename: Filename
    byte_size: ByteSize
    content_type: ContentType
    checksum_sha256: Checksum | None = None
    checksum_crc64nvme: Crc64Nvme | None = None
    transport: Literal["put", "multipart", "post"] | None = None
    relative_path: Annotated[str, StringConstraints(max_length=4096)] | None = None
    last_modified: Moment | None = None
    fingerprint: Checksum | None = None
    head: Head | None = None
    part_size: PartSize | None = None


class StartItemBody(StartBody):
    idempotency_key: Annotated[
        str | None,
        Field(
            pattern=IDEMPOTENCY_KEY_PATTERN,
            description="Default: the value of the header Idempotency-Key, a slash, "
            "and the position of the upload in the batch, counted from 0.",
        ),
    ] = None


class StartBatchBody(Body):
    uploads: Annotated[list[StartItemBody], Field(min_length=1, max_length=MAX_BATCH)]


class PartBody(Body):
    part_number: PartNumber
    checksum_sha256: Checksum | None = None
    checksum_crc64nvme: Crc64Nvme | None = None


class PartsBody(Body):
    parts: Annotated[
        list[PartBody], Field(min_length=1, max_length=MAX_PARTS_PER_REQUEST)
    ]


class CompleteBatchBody(Body):
    ids: Annotated[list[uuid.UUID], Field(min_length=1, max_length=MAX_BATCH)]


class RenameBody(Body):
    filename: Filename


class StorageFaultBody(Body):
    seen: Annotated[
        list[Literal["blocked", "unreachable", "refused", "policy", "mixed_content"],],
        Field(min_length=1, max_length=3),
    ]
    byte_size: ByteSize | None = None
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    storage_code: (
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.]{1,64}$")] | None
    ) = None


class UploadFilter(Schema):
    state: State | None = None
    q: SearchText | None = None
    cursor: Annotated[str, StringConstraints(max_length=255)] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_BATCH)] = 50


class UploadOut(BaseModel):
    id: uuid.UUID
    state: State
    filename: str
    relative_path: str
    byte_size: int
    content_type: Annotated[str, Field(description="The declared type.")]
    detected_type: Annotated[
        str | None,
        Field(
            description="The type detected from the first bytes. Null before the "
            "inspection."
        ),
    ]
    note: Annotated[
        str | None,
        Field(description="A note for the owner from the inspection, or null."),
    ]
    checksum_sha256: Annotated[
        str | None,
        Field(
            description="The declared SHA-256. checksum_verified_by names who compared "
            "this checksum with the stored bytes."
        ),
    ]
    checksum_crc64nvme: Annotated[
        str | None,
        Field(
            description="The CRC64NVME that the client declared. If a multipart upload "
            "was started without a CRC64NVME, the server computes it from the "
            "checksums of the parts."
        ),
    ]
    checksum_algorithm: Annotated[
        Literal["sha256", "crc64nvme"],
        Field(description="The algorithm of the checksums of the file and its parts."),
    ]
    checksum_verified_by: Annotated[
        Literal["storage", "readback"] | None,
        Field(
            description="The party that compared the stored bytes with the checksum: "
            "the storage, or this site (readback). Null if neither has compared them."
        ),
    ]
    transport: Literal["put", "multipart", "post", "form", "copy"]
    created_at: SentMoment
    expires_at: SentMoment
    completed_at: SentMoment | None
    rejected_reason: str | None
    release: Literal["possible", "requested", "released"] | None
    released_as: uuid.UUID | None
    released_from: uuid.UUID | None
    last_modified: SentMoment | None
    fingerprint: str | None


class PutRequestOut(BaseModel):
    method: Literal["PUT"]
    url: str
    headers: dict[str, str]


class PostRequestOut(BaseModel):
    method: Literal["POST"]
    url: str
    fields: dict[str, str]


class PutStartedOut(UploadOut):
    transport: Literal["put"]
    request: PutRequestOut | None


class PostStartedOut(UploadOut):
    transport: Literal["post"]
    request: PostRequestOut | None


class MultipartStartedOut(UploadOut):
    transport: Literal["multipart"]
    part_size: int
    part_count: int


StartedOut = PutStartedOut | PostStartedOut | MultipartStartedOut


class SignedPartOut(BaseModel):
    part_number: int
    url: str
    headers: dict[str, str]


class SignedPartsOut(BaseModel):
    expires_at: SentMoment
    parts: list[SignedPartOut]


class StoredPartOut(BaseModel):
    part_number: int
    byte_size: int


class StoredPartsOut(BaseModel):
    part_size: int
    part_count: int
    parts: list[StoredPartOut]


class PageOut(BaseModel):
    results: list[UploadOut]
    next_cursor: str | None


class QuotaOut(BaseModel):
    limit_bytes: int
    used_bytes: int
    reserved_bytes: int
    file_count: int
    reserved_files: int
    max_files: int


class PolicyOut(BaseModel):
    max_file_size: int
    allowed_content_types: list[str]


class MeOut(BaseModel):
    username: str
    quota: QuotaOut
    policy: PolicyOut


class ProblemOut(BaseModel):
    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: dict[str, list[str]] | None = None
    missing_parts: list[int] | None = None
    retry_after: Annotated[int, Field(description="Seconds.")] | None = None


class StorageFaultsOut(BaseModel):
    faults: Annotated[list[Fault], Field(description="The causes that were proved.")]
    examining: Annotated[
        bool,
        Field(
            description="True while the server is still testing the storage. While it "
            "is true, send the same report again every 2 seconds."
        ),
    ]


class StartedItemOut(BaseModel):
    status: int
    upload: StartedOut


class CompletedItemOut(BaseModel):
    status: int
    upload: UploadOut


class ProblemItemOut(BaseModel):
    status: int
    problem: dict[str, Any]


class StartedBatchOut(BaseModel):
    results: list[StartedItemOut | ProblemItemOut]


class CompletedBatchOut(BaseModel):
    results: list[CompletedItemOut | ProblemItemOut]
