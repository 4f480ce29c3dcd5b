"""The types of fields in requests, with their validation."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated

from django.core.serializers.json import DjangoJSONEncoder
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

MAX_HEAD_LETTERS = 5464
"""Length of 4 KiB in Base64."""

MAX_JSON_INTEGER = 2**53 - 1
"""The largest integer that JavaScript's JSON parser reads exactly."""


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
        raise ValueError("must be a string with a time in ISO 8601")
    return value


def _require_sane_year(value: datetime) -> datetime:
    # Converting an extreme date to another time zone raises OverflowError.
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
    Field(ge=0, le=MAX_JSON_INTEGER, description="Size of the file in bytes."),
    BeforeValidator(_refuse_look_alikes),
]
PartSize = Annotated[
    int,
    Field(
        ge=1,
        le=MAX_JSON_INTEGER,
        description="Preferred size of a part in bytes. The server adjusts it to the "
        "limits of S3.",
    ),
    BeforeValidator(_refuse_look_alikes),
]
PartNumber = Annotated[
    int,
    Field(ge=1, le=10_000, description="The first part has the number 1."),
    BeforeValidator(_refuse_look_alikes),
]
Checksum = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$"),
    Field(description="Base64 of the 32 bytes of a SHA-256 hash."),
]
Crc64Nvme = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9+/]{10}[AEIMQUYcgkosw048]=$"),
    Field(description="Base64 of the 8 bytes of a CRC64NVME, big-endian."),
]
ContentType = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}$"
    ),
    Field(description="MIME type in lower case, without parameters."),
]
Head = Annotated[
    str,
    StringConstraints(
        max_length=MAX_HEAD_LETTERS,
        pattern=r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
    ),
    AfterValidator(_require_base64),
    Field(
        description="Base64 of the first bytes of the file, at most 4 KiB. The server "
        "inspects these bytes, and can refuse the file before it is sent."
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
    Field(description="Time of the file's last change, ISO 8601 with a time zone."),
]
SentMoment = Annotated[
    datetime,
    PlainSerializer(DjangoJSONEncoder().default),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
"""A time in a response, in the format of Django's JSON encoder (milliseconds)."""
