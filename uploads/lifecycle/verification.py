"""Compares the size, type and checksum of an object with the client's declaration."""

from __future__ import annotations

from dataclasses import dataclass

from uploads.inspection.content_types import stored_type
from uploads.lifecycle.checksums import checksums_of
from uploads.lifecycle.multipart import plan_of
from uploads.lifecycle.part_checksums import joined
from uploads.models import Upload
from uploads.s3.bucket import ObjectFacts, Part


@dataclass(frozen=True)
class Mismatch:
    """A difference between object and declaration.

    ``cause`` is a stable code for programs. ``words`` is a message for people.
    """

    cause: str
    words: str


def missing_parts(upload: Upload, parts: list[Part]) -> list[int]:
    """Return the numbers of parts that are missing or have a wrong size."""
    plan = plan_of(upload)
    stored = {part.part_number: part.byte_size for part in parts}
    return [
        number
        for number in plan.part_numbers
        if stored.get(number) != plan.byte_size_of(number)
    ]


def listed_checksum(upload: Upload, parts: list[Part]) -> str:
    """Return the checksum that S3 reports for an object made of the listed ``parts``.

    Returns ``""`` if a part has no checksum.
    """
    checksums = checksums_of(upload)
    digests = [checksums.decoded(checksums.of(part)) for part in parts]
    return joined(upload, digests) if all(digests) else ""


def find_mismatch(
    upload: Upload, facts: ObjectFacts, *, expected_checksum: str
) -> Mismatch | None:
    """Return how the object differs from the declaration, or None.

    ``expected_checksum`` is empty if the client declared no checksum. If the storage
    returns no checksum, this function does not compare checksums, because
    reading_back.py hashes the object later.
    """
    if facts.byte_size != upload.byte_size:
        return Mismatch(
            "size_differs",
            f"The stored file has {facts.byte_size} bytes, but this upload was started "
            f"for a file of {upload.byte_size} bytes. Upload the file again.",
        )
    if _base_type(facts.content_type) not in _acceptable_types(upload):
        return Mismatch(
            "type_differs",
            f"The file was stored with the type {facts.content_type}, but this upload "
            f"was started with the type {upload.content_type}. Upload the file again.",
        )
    checksums = checksums_of(upload)
    if _is_other(checksums.of(facts), expected_checksum):
        label = checksums.algorithm.label
        return Mismatch(
            "checksum_differs",
            f"The {label} of the stored file differs from the {label} that is recorded "
            "for this upload. Upload the file again.",
        )
    return _find_encoding(facts)


def _is_other(stated: str, expected: str) -> bool:
    """Return whether both checksums are known, are comparable, and differ.

    A checksum of parts has a dash. It is not comparable with a checksum of all bytes.
    """
    is_comparable = bool(stated and expected) and ("-" in stated) == ("-" in expected)
    return is_comparable and stated != expected


def find_form_mismatch(upload: Upload, facts: ObjectFacts) -> Mismatch | None:
    """Return the reason to refuse an object that a form has sent, or None.

    ``upload.byte_size`` is the reserved size, and the maximum for the object.
    """
    if facts.byte_size > upload.byte_size:
        return Mismatch(
            "size_differs",
            f"The file has {facts.byte_size} bytes, but only {upload.byte_size} bytes "
            "were reserved for it. Upload the file again, and choose a larger size in "
            "the form.",
        )
    return _find_encoding(facts)


def _find_encoding(facts: ObjectFacts) -> Mismatch | None:
    if not facts.content_encoding:
        return None
    # A signed URL cannot forbid this header. Browsers decode an object with this header
    # during the download. So the person would get other bytes than the inspected bytes.
    return Mismatch(
        "headers",
        "The file was stored with the header Content-Encoding: "
        f"{facts.content_encoding}. Upload the file again without this header.",
    )


def _acceptable_types(upload: Upload) -> frozenset[str]:
    # The upload URL signs the result of ``stored_type``. If an earlier version of the
    # site signed the upload URL, ``stored_type`` may have returned the declared type at
    # that time. So accept the declared type too. Downloads never use the type of the
    # object.
    return frozenset({upload.content_type, stored_type(upload.content_type)})


def _base_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()
