"""Is the object what was declared? Facts only; its content is inspection's."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from uploads.inspection.content_types import stored_type
from uploads.lifecycle.part_checksums import composite
from uploads.models import Upload
from uploads.s3.bucket import ObjectFacts, Part
from uploads.s3.part_plan import PartPlan


@dataclass(frozen=True)
class Mismatch:
    """How an object differs: ``cause`` is stable and for programs, ``words`` not."""

    cause: str
    words: str


def missing_parts(upload: Upload, parts: list[Part]) -> list[int]:
    """Return the part numbers that the bucket lacks or has in another size."""
    plan = PartPlan(byte_size=upload.byte_size, part_size=upload.part_size)
    stored = {part.part_number: part.byte_size for part in parts}
    return [
        number
        for number in plan.part_numbers
        if stored.get(number) != plan.byte_size_of(number)
    ]


def composite_checksum(parts: list[Part]) -> str:
    """Return S3's SHA-256 of a multipart object, or ``""`` where parts lack theirs."""
    if not all(part.checksum_sha256 for part in parts):
        return ""
    return composite([base64.b64decode(part.checksum_sha256 or "") for part in parts])


def find_mismatch(
    upload: Upload, facts: ObjectFacts, *, expected_checksum: str
) -> Mismatch | None:
    """Return how the object differs from the declaration, or None.

    ``expected_checksum`` is empty where nothing was declared. An object without a
    checksum is no mismatch: see reading_back.py.
    """
    if facts.byte_size != upload.byte_size:
        return Mismatch(
            "size_differs",
            f"The object has {facts.byte_size} bytes, {upload.byte_size} were declared.",
        )
    if _base_type(facts.content_type) not in _acceptable_types(upload):
        return Mismatch(
            "type_differs",
            f"The object is stored as {facts.content_type}, "
            f"{upload.content_type} was declared.",
        )
    if _is_other(facts.checksum_sha256 or "", expected_checksum):
        return Mismatch(
            "checksum_differs", "The object's SHA-256 is not the declared one."
        )
    return _find_encoding(facts)


def _is_other(stated: str, expected: str) -> bool:
    """Return whether both are known, of one kind, and differ.

    The checksum of parts cannot be compared with the checksum of a whole object.
    """
    is_comparable = bool(stated and expected) and ("-" in stated) == ("-" in expected)
    return is_comparable and stated != expected


def find_form_mismatch(upload: Upload, facts: ObjectFacts) -> Mismatch | None:
    """Return why what a form has sent cannot be taken, or None.

    ``upload.byte_size`` is what was reserved for it: the most that it may have.
    """
    if facts.byte_size > upload.byte_size:
        return Mismatch(
            "size_differs",
            f"The object has {facts.byte_size} bytes, at most {upload.byte_size} "
            "were reserved.",
        )
    return _find_encoding(facts)


def _find_encoding(facts: ObjectFacts) -> Mismatch | None:
    if not facts.content_encoding:
        return None
    # A header that no signature can forbid, and that would change the bytes on
    # their way to whoever downloads them.
    return Mismatch(
        "headers",
        f"The object is stored with Content-Encoding {facts.content_encoding}.",
    )


def _acceptable_types(upload: Upload) -> frozenset[str]:
    # An update of the site can change what is stored for a declared type, while
    # uploads are in progress. Downloads never use the stored type.
    return frozenset({upload.content_type, stored_type(upload.content_type)})


def _base_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()
