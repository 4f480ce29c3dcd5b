"""The JSON of the HTTP contract, version 1: what is taken and what is answered."""

from __future__ import annotations

import base64
import binascii
import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from uploads.conf import MAX_PARTS_PER_REQUEST
from uploads.states import State

MAX_BATCH = 100
MAX_HEAD_LETTERS = 5464
"""Base64 of 4 KiB."""

MAX_JSON_INTEGER = 2**53 - 1
"""The largest integer that every JSON parser, JavaScript's too, reads exactly."""


def _refuse_look_alikes(value: object) -> object:
    if isinstance(value, bool | str | bytes):
        raise ValueError("must be a number")
    return value


def _refuse_nul(value: object) -> object:
    if isinstance(value, str) and "\x00" in value:
        raise ValueError("must not contain NUL")
    return value


def _refuse_numbers(value: object) -> object:
    if not isinstance(value, str | datetime):
        raise ValueError("must be a text in ISO 8601")
    return value


def _require_sane_year(value: datetime) -> datetime:
    # Near the ends of the calendar, a change of time zone overflows.
    if not 1900 <= value.year <= 9000:
        raise ValueError("must be a year from 1900 to 9000")
    return value


def _require_base64(value: str) -> str:
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError("must be base64") from error
    return value


ByteSize = Annotated[
    int,
    Field(ge=0, le=MAX_JSON_INTEGER, description="Bytes."),
    BeforeValidator(_refuse_look_alikes),
]
PartSize = Annotated[
    int,
    Field(
        ge=1,
        le=MAX_JSON_INTEGER,
        description="Bytes. A wish: the server keeps it within the limits of S3.",
    ),
    BeforeValidator(_refuse_look_alikes),
]
PartNumber = Annotated[
    int,
    Field(ge=1, le=10_000, description="From 1."),
    BeforeValidator(_refuse_look_alikes),
]
Checksum = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$"),
    Field(description="Base64 of the raw SHA-256."),
]
ContentType = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}$"
    ),
    Field(description="Lower case, without parameters."),
]
Head = Annotated[
    str,
    StringConstraints(max_length=MAX_HEAD_LETTERS, pattern=r"^[A-Za-z0-9+/]*={0,2}$"),
    AfterValidator(_require_base64),
    Field(
        description="Base64 of the first bytes of the file, at most 4 KiB, for an "
        "early answer."
    ),
]
Filename = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
SearchText = Annotated[
    str, StringConstraints(max_length=255), BeforeValidator(_refuse_nul)
]


Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_refuse_numbers),
    AfterValidator(_require_sane_year),
    Field(description="ISO 8601 with its zone: when the file was last changed."),
]


class Body(Schema):
    """A request body. Fields it does not know are refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


class StartBody(Body):
    filename: Filename
    byte_size: ByteSize
    content_type: ContentType
    checksum_sha256: Checksum | None = None
    transport: Literal["put", "multipart", "post"] | None = None
    relative_path: Annotated[str, StringConstraints(max_length=4096)] | None = None
    last_modified: Moment | None = None
    fingerprint: Checksum | None = None
    head: Head | None = None
    part_size: PartSize | None = None


class StartBatchBody(Body):
    uploads: Annotated[list[StartBody], Field(min_length=1, max_length=MAX_BATCH)]


class PartBody(Body):
    part_number: PartNumber
    checksum_sha256: Checksum


class PartsBody(Body):
    parts: Annotated[
        list[PartBody], Field(min_length=1, max_length=MAX_PARTS_PER_REQUEST)
    ]


class CompleteBatchBody(Body):
    ids: Annotated[list[uuid.UUID], Field(min_length=1, max_length=MAX_BATCH)]


class RenameBody(Body):
    filename: Filename


class UploadFilter(Schema):
    state: State | None = None
    q: SearchText | None = None
    cursor: Annotated[str, StringConstraints(max_length=255)] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_BATCH)] = 50


class UploadOut(Schema):
    id: uuid.UUID
    state: State
    filename: str
    relative_path: str
    byte_size: int
    content_type: Annotated[str, Field(description="As it was declared.")]
    detected_type: Annotated[
        str | None,
        Field(description="By the first bytes. Null before the inspection."),
    ]
    note: Annotated[
        str | None,
        Field(description="What the inspection found that people should know."),
    ]
    checksum_sha256: str | None
    transport: Literal["put", "multipart", "post", "form", "copy"]
    created_at: datetime
    expires_at: datetime
    completed_at: datetime | None
    rejected_reason: str | None
    release: Literal["possible", "requested", "released"] | None
    released_as: uuid.UUID | None
    released_from: uuid.UUID | None
    last_modified: datetime | None
    fingerprint: str | None


class PutRequestOut(Schema):
    method: Literal["PUT"]
    url: str
    headers: dict[str, str]


class PostRequestOut(Schema):
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


class SignedPartOut(Schema):
    part_number: int
    url: str
    headers: dict[str, str]


class SignedPartsOut(Schema):
    expires_at: datetime
    parts: list[SignedPartOut]


class StoredPartOut(Schema):
    part_number: int
    byte_size: int


class StoredPartsOut(Schema):
    part_size: int
    part_count: int
    parts: list[StoredPartOut]


class PageOut(Schema):
    results: list[UploadOut]
    next_cursor: str | None


class QuotaOut(Schema):
    limit_bytes: int
    used_bytes: int
    reserved_bytes: int
    file_count: int
    reserved_files: int
    max_files: int


class PolicyOut(Schema):
    max_file_size: int
    allowed_content_types: list[str]


class MeOut(Schema):
    username: str
    quota: QuotaOut
    policy: PolicyOut


class ProblemOut(Schema):
    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: dict[str, list[str]] | None = None
    missing_parts: list[int] | None = None
    retry_after: Annotated[int, Field(description="Seconds.")] | None = None


class StartedItemOut(Schema):
    status: int
    upload: StartedOut


class CompletedItemOut(Schema):
    status: int
    upload: UploadOut


class ProblemItemOut(Schema):
    status: int
    problem: dict[str, Any]


class StartedBatchOut(Schema):
    results: list[StartedItemOut | ProblemItemOut]


class CompletedBatchOut(Schema):
    results: list[CompletedItemOut | ProblemItemOut]
